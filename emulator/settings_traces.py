"""Settings of traces: `[traces]` of `copilot-local.toml`, and what follows from it for a collector of a task."""

from collections.abc import Mapping
from typing import Literal

from emulator.model import FrozenModel

TracePolicy = Literal["capture", "real", "live"]
"""What stands in a collector's place: a receiver of ours, the collector itself with its exports kept on this machine,
or the collector as it is deployed."""


class TraceSettings(FrozenModel):
    """`[traces]`: what X-Ray's SDKs and OpenTelemetry in a task send to a collector beside them."""

    collectors: Mapping[str, TracePolicy] = {}
    """Container or `*` to what runs in its place. Default: `capture`."""
    sampling: Literal["all", "ecs"] = "all"
    """How many requests X-Ray's SDKs are told to sample: all, or as X-Ray's default rule has it, 1 a second and 5 %."""

    def policy(self, container: str) -> TracePolicy:
        """What runs in the place of a collector."""
        return self.collectors.get(container) or self.collectors.get("*") or "capture"

    @property
    def rate(self) -> float:
        """The share of requests that is sampled."""
        return 1.0 if self.sampling == "all" else 0.05


class LocalCollector(FrozenModel):
    """A collector of a task as it runs here, and what it takes when deployed."""

    policy: TracePolicy = "capture"
    program: Literal["daemon", "adot", "otel", "cloudwatch"] = "adot"
    xray: bool = True
    """It takes X-Ray's segments when deployed, at port 2000."""
    otlp: bool = True
    """It takes OpenTelemetry's spans when deployed, at ports 4317 and 4318."""
    checks_ids: bool = False
    """When deployed it drops spans whose trace id is not X-Ray's."""
    rate: float = 1.0
    """The share of requests that X-Ray's SDKs are told to sample."""
    configuration: str = ""
    """In `real`: what the collector reads in place of its own configuration."""
    without: tuple[int, ...] = ()
    """Ports that other containers of the task listen on."""
