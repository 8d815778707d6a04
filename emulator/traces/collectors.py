"""Which sidecars are collectors of traces, and what each of them takes when deployed.

Source: the AWS Distro for OpenTelemetry's `config/ecs` and its Dockerfile, the X-Ray daemon's `cfg.go`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from emulator.errors import Unsupported
from emulator.model import make
from emulator.settings_traces import LocalCollector, TraceSettings
from emulator.traces.ports import EVERY
from emulator.traces.wire import PORT

if TYPE_CHECKING:
    from emulator.ecs.task_definition import ContainerDefinition, TaskDefinition

CONTENT = "AOT_CONFIG_CONTENT"
"""The variable that holds a collector's whole configuration; it wins over `--config`."""
ECS_XRAY = """extensions:
  health_check:
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4317
      http:
        endpoint: 0.0.0.0:4318
processors:
  batch/traces:
    timeout: 1s
    send_batch_size: 50
  resourcedetection:
    detectors: [env, system, ecs, ec2]
exporters:
  awsxray:
service:
  extensions: [health_check]
  pipelines:
    traces:
      receivers: [otlp]
      processors: [resourcedetection, batch/traces]
      exporters: [awsxray]
"""
"""The file of AWS's collector that Copilot's sidecar reads."""
XRAY_FILE = "/etc/ecs/ecs-xray.yaml"
KNOWN_FILES = {XRAY_FILE: ECS_XRAY}
DAEMON_FILE = "/etc/amazon/xray/cfg.yaml"
DAEMON = """Version: 2
Socket:
  UDPAddress: "0.0.0.0:2000"
  TCPAddress: "0.0.0.0:2000"
"""
DAEMON_HERE = f"{DAEMON}LocalMode: true\nEndpoint: http://169.254.170.2:{PORT}\n"
_ADOT = re.compile(r"(?:^|/)aws-otel-collector(?::v?(?P<major>\d+)\.(?P<minor>\d+))?")
_CHECKS_IDS = (0, 17)
"""The last version known to drop spans whose trace id is not X-Ray's."""

CollectorKind = Literal["daemon", "adot", "otel", "cloudwatch"]
_IMAGES: Mapping[CollectorKind, re.Pattern[str]] = {
    "daemon": re.compile(r"(?:^|/)(?:aws-)?xray-daemon(?:[:@]|$)"),
    "adot": _ADOT,
    "otel": re.compile(r"(?:^|/)(?:opentelemetry-collector(?:-contrib|-k8s)?|otelcol(?:-contrib)?)(?:[:@]|$)"),
    "cloudwatch": re.compile(r"(?:^|/)(?:amazon-)?cloudwatch-agent(?:[:@]|$)"),
}


@dataclass(frozen=True, slots=True)
class Collector:
    """A sidecar that collects traces."""

    container: ContainerDefinition
    kind: CollectorKind

    @property
    def name(self) -> str:
        return self.container.name

    @property
    def configuration(self) -> str:
        """The configuration in its variable; empty where that is not there, or not a plain text."""
        given = (pair.value for pair in self.container.environment if pair.name == CONTENT)
        return next((value for value in given if isinstance(value, str)), "")

    @property
    def has_secret_configuration(self) -> bool:
        """Whether the configuration is a secret."""
        return any(secret.name == CONTENT for secret in self.container.secrets)

    @property
    def file(self) -> str:
        """The configuration file that the deployed collector reads; empty where it reads none."""
        command = [*(self.container.entry_point or []), *(self.container.command or [])]
        for number, word in enumerate(command):
            name, equals, value = word.partition("=")
            if name in ("--config", "-c", "--c", "-config"):
                return value if equals else next(iter(command[number + 1 :]), "")
        return {"daemon": DAEMON_FILE, "adot": "/etc/otel-config.yaml"}.get(self.kind, "")

    def here(self, settings: TraceSettings, configuration: str = "", without: tuple[int, ...] = ()) -> LocalCollector:
        """What runs in its place, and what it takes when deployed. `configuration`: that of its variable, where that is
        a secret."""
        image = self.container.image if isinstance(self.container.image, str) else ""
        adot = _ADOT.search(image)
        version = (int(adot["major"]), int(adot["minor"])) if adot and adot["major"] else None
        xray = self.file != XRAY_FILE and self.kind in ("daemon", "adot", "cloudwatch")
        otlp = self.kind != "daemon"
        if self.kind != "daemon" and (text := configuration or self.configuration):
            from emulator.traces.collector_files import receivers_of

            receivers = receivers_of(text)
            xray, otlp = "awsxray" in receivers, "otlp" in receivers
        return make(
            LocalCollector,
            policy=settings.policy(self.name),
            program=self.kind,
            xray=xray,
            otlp=otlp,
            configuration=self.kept_here(configuration) if settings.policy(self.name) == "real" else "",
            checks_ids=self.kind == "adot" and version is not None and version <= _CHECKS_IDS,
            rate=settings.rate,
            without=without,
        )

    def kept_here(self, secret: str = "") -> str:
        """The configuration with which its exports stay on this machine. Raises Unsupported where it cannot be made."""
        if self.kind == "daemon":
            return DAEMON_HERE
        if secret or self.has_secret_configuration:
            hint = 'write `[traces] collectors = {"' + self.name + '" = "capture"}`, or give it as a variable'
            raise Unsupported(f"{self.name}: its configuration is a secret, and is not written anew", hint=hint)
        text = self.configuration or KNOWN_FILES.get(self.file, "")
        if not text or self.kind == "cloudwatch":
            hint = f"in the variable {CONTENT} it can be; or let a receiver run in its place: `capture`"
            raise Unsupported(f"{self.name}: its configuration cannot be read here ({self.file or 'image'})", hint=hint)
        from emulator.traces.collector_files import with_exports_here

        return with_exports_here(text, self.name)


def collectors_of(definition: TaskDefinition) -> list[Collector]:
    """The collectors of a task, in its order."""
    return [
        Collector(container, kind)
        for container in definition.container_definitions
        if (kind := kind_of(container)) is not None
    ]


def kind_of(container: ContainerDefinition) -> CollectorKind | None:
    """What kind of collector a container is: by its image, or by a collector's configuration; None for another."""
    image = container.image if isinstance(container.image, str) else ""
    for kind, pattern in _IMAGES.items():
        if pattern.search(image):
            return kind
    named = any(pair.name == CONTENT for pair in container.environment)
    return "adot" if named or any(secret.name == CONTENT for secret in container.secrets) else None


def foreign_ports(definition: TaskDefinition, collectors: list[Collector]) -> tuple[int, ...]:
    """Ports of a collector that other containers of the task say they listen on."""
    names = {collector.name for collector in collectors}
    others = {
        mapping.container_port
        for container in definition.container_definitions
        if container.name not in names
        for mapping in container.port_mappings
    }
    return tuple(port for port in EVERY if port in others)


def local_collectors(
    definition: TaskDefinition, settings: TraceSettings, secrets: Mapping[str, Mapping[str, str]] = {}
) -> dict[str, LocalCollector]:
    """The collectors of a task as they run here, by name. `secrets`: values by container and variable."""
    found = collectors_of(definition)
    without = foreign_ports(definition, found)
    return {one.name: one.here(settings, secrets.get(one.name, {}).get(CONTENT, ""), without) for one in found}
