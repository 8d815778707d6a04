"""What is deployed of a collector beside what runs here, for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from emulator.settings_traces import LocalCollector, TraceSettings
from emulator.traces.collectors import CONTENT, DAEMON, KNOWN_FILES, Collector, collectors_of, local_collectors
from emulator.traces.ports import EVERY, GRPC, HTTP, XRAY

if TYPE_CHECKING:
    from emulator.ecs.task_definition import TaskDefinition


@dataclass(frozen=True, slots=True)
class Described:
    """A collector: what it reads when deployed and from where, what runs here, why they differ."""

    container: str
    image: str
    policy: str
    source: str
    deployed: str
    """Empty where only the image knows it."""
    local: str
    differences: tuple[str, ...]

    def as_plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "differences": list(self.differences)}


def describe(definition: TaskDefinition, settings: TraceSettings) -> list[Described]:
    """The collectors of a task."""
    here = local_collectors(definition, settings)
    return [_described(one, here[one.name]) for one in collectors_of(definition)]


def _described(one: Collector, here: LocalCollector) -> Described:
    source, deployed = _deployed(one)
    return Described(
        container=one.name,
        image=str(one.container.image),
        policy=here.policy,
        source=source,
        deployed=deployed,
        local=_local(here),
        differences=tuple(_differences(one, here)),
    )


def _deployed(one: Collector) -> tuple[str, str]:
    if one.has_secret_configuration:
        return f"the secret {CONTENT}", ""
    if text := one.configuration:
        return f"the variable {CONTENT}", text
    if one.kind == "daemon":
        return one.file, DAEMON
    return one.file or "a file of its image", KNOWN_FILES.get(one.file, "")


def _local(here: LocalCollector) -> str:
    if here.policy == "live":
        return "the collector itself, as deployed: what it exports leaves this machine"
    if here.policy == "real":
        return here.configuration
    ports = ", ".join(str(port) for port in EVERY if port not in here.without)
    return f"a receiver at {ports}; what it takes goes to the store of traces on this machine"


def _differences(one: Collector, here: LocalCollector) -> Iterator[str]:
    if here.policy == "live":
        yield "none: it needs credentials (`up --credentials`)"
        return
    yield "Spans are kept on this machine: `copilot-local traces`. X-Ray gets none."
    if here.policy == "real":
        yield "What it exports otherwise than to X-Ray comes here as OTLP; metrics and logs are thrown away."
        return
    yield "It starts before the other containers of its task and ends after them: what is sent earlier would be lost."
    yield f"It takes {'every request' if here.rate == 1 else 'a share of requests'} for sampled: X-Ray's SDKs ask it."
    if not here.xray:
        yield f"It also listens at {XRAY}; deployed, nothing does, and X-Ray's segments are lost: they are marked."
    if not here.otlp:
        yield f"It also listens at {GRPC} and {HTTP}; deployed, nothing does, and OpenTelemetry's spans are lost."
    if here.checks_ids:
        yield "Deployed, it drops spans whose trace id is not X-Ray's: they are kept here, and marked."
    for port in here.without:
        yield f"Nothing is received at {port}: another container of the task has that port."
    for name in ("zipkin", "jaeger", "statsd", "prometheus"):
        if name in one.configuration:
            yield f"`{name}` is not received here."
