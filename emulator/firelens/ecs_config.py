"""The router's configuration file, byte for byte as ECS generates it.

Source: the ECS agent's FireLens resource and the generator library that it uses, with their expected files. Containers
come in the order of the task definition (the agent iterates over a map, so on ECS their order is random).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import ContainerDefinition, TaskDefinition
from emulator.errors import InputError
from emulator.firelens.option_check import BadOption, check_option, refuse_control_characters
from emulator.firelens.routing import find_router, routed_containers, secret_variable, text_option, uses_router

SOCKET_FOLDER = "/var/run"
"""The folder in the router's container that is shared with the log driver."""
SOCKET_NAME = "fluent.sock"
FORWARD_PORT = 24224
HEALTH_PORT = 8877
HEALTH_TAG = "firelens-healthcheck"
INCLUDE_PATTERN_OPTION = "include-pattern"
EXCLUDE_PATTERN_OPTION = "exclude-pattern"
BUFFER_LIMIT_OPTION = "log-driver-buffer-limit"
DEFAULT_BUFFER_MB = 25

_INDENT = "    "


class Purpose(enum.Enum):
    """What a section of the file is there for."""

    SOCKET_INPUT = enum.auto()
    PORT_INPUT = enum.auto()
    HEALTH_INPUT = enum.auto()
    INCLUDE_FILTER = enum.auto()
    EXCLUDE_FILTER = enum.auto()
    METADATA_FILTER = enum.auto()
    USER_CONFIGURATION = enum.auto()
    HEALTH_OUTPUT = enum.auto()
    OUTPUT = enum.auto()
    SERVICE = enum.auto()  # only in the file in use here


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the file: its lines without line ends. `container` is whose output it is about, if anybody's."""

    purpose: Purpose
    lines: tuple[str, ...]
    container: str = ""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def ecs_router_configuration(task_definition: TaskDefinition, identity: TaskIdentity) -> str:
    """The text of the configuration file that ECS would give the task's router.

    Raises InputError, in ECS's words, where the task would fail to start, and where the task has no router; and for
    text that would become other lines of the file than its own.
    """
    return render_sections(ecs_sections(task_definition, identity))


def render_sections(sections: list[Section]) -> str:
    """The file: a blank line before each section, one line end after the last."""
    return "".join(f"\n{section.text}\n" for section in sections)


def ecs_sections(task_definition: TaskDefinition, identity: TaskIdentity) -> list[Section]:
    """The sections of ECS's file, in its order."""
    router = find_router(task_definition)
    if router is None:
        raise InputError(
            f"task definition {task_definition.family} has no log router",
            hint="FireLens needs a container with a firelensConfiguration; in a manifest, a `logging.destination`",
        )
    if router.config_value is not None:
        refuse_control_characters("", "config-file-value", router.config_value)
    dialect = _Fluentd() if router.type == "fluentd" else _FluentBit(router.container)
    containers = routed_containers(task_definition)
    options = {
        container.name: _log_options(container, index, router.type)
        for index, container in enumerate(task_definition.container_definitions)
        if uses_router(container)
    }

    sections = dialect.inputs(task_definition.network_mode or "bridge")
    for container in containers:
        if INCLUDE_PATTERN_OPTION in options[container.name]:
            pattern = options[container.name][INCLUDE_PATTERN_OPTION]
            sections.append(dialect.grep(container.name, Purpose.INCLUDE_FILTER, pattern))
    for container in containers:
        if EXCLUDE_PATTERN_OPTION in options[container.name]:
            pattern = options[container.name][EXCLUDE_PATTERN_OPTION]
            sections.append(dialect.grep(container.name, Purpose.EXCLUDE_FILTER, pattern))
    if router.metadata:
        sections.append(dialect.metadata(_metadata(identity)))
    if router.include_path is not None:
        sections.append(dialect.include(router.include_path))
    sections += dialect.health_outputs(task_definition.network_mode or "bridge")
    for container in containers:
        sections += _output(dialect, container.name, options[container.name])
    return sections


def output_tag(container: str, router_type: str) -> str:
    """The pattern that matches the tags of a container's records."""
    return f"{container}-firelens{'**' if router_type == 'fluentd' else '*'}"


def _log_options(container: ContainerDefinition, index: int, router_type: str) -> dict[str, str]:
    """A container's log options, secret ones as the expression that the router expands from its variables."""
    configuration = container.log_configuration
    if configuration is None:
        return {}
    options = {key: text_option(container, key, value) for key, value in configuration.options.items()}
    for key, value in options.items():
        refuse_control_characters(container.name, key, value)
    for secret in configuration.secret_options:
        variable = secret_variable(secret.name, index)
        refuse_control_characters(container.name, secret.name, "")
        options[secret.name] = f"\"#{{ENV['{variable}']}}\"" if router_type == "fluentd" else f"${{{variable}}}"
    return options


def _metadata(identity: TaskIdentity) -> dict[str, str]:
    fields = {
        "ecs_cluster": identity.cluster,
        "ecs_task_arn": identity.task_arn,
        "ecs_task_definition": identity.task_definition,
    }
    if identity.ec2_instance_id:
        fields["ec2_instance_id"] = identity.ec2_instance_id
    return dict(sorted(fields.items()))


def _output(dialect: _FluentBit | _Fluentd, container: str, log_options: dict[str, str]) -> list[Section]:
    own = (dialect.output_key, INCLUDE_PATTERN_OPTION, EXCLUDE_PATTERN_OPTION, BUFFER_LIMIT_OPTION)
    options = {key: value for key, value in sorted(log_options.items()) if key not in own}
    if dialect.output_key in log_options:
        if isinstance(dialect, _FluentBit):
            for key, value in log_options.items():
                check_option(container, key, value)
        return [dialect.output(container, log_options[dialect.output_key], options)]
    if options:
        raise BadOption(
            f"unable to apply log options of container {container} to firelens config: missing output key "
            f"{dialect.output_key} which is required for firelens configuration of type {dialect.type}",
            container,
            dialect.output_key,
            hint=f"add the option {dialect.output_key} (case matters) with the name of an output plugin",
        )
    return []


class _FluentBit:
    """Writes sections as Fluent Bit reads them."""

    type = "fluentbit"
    output_key = "Name"

    def __init__(self, router: ContainerDefinition) -> None:
        self._router = router

    def inputs(self, network_mode: str) -> list[Section]:
        sections = [
            _section(
                Purpose.SOCKET_INPUT,
                "[INPUT]",
                "Name forward",
                f"Mem_Buf_Limit {_buffer_megabytes(self._router)}MB",
                f"unix_path {SOCKET_FOLDER}/{SOCKET_NAME}",
            )
        ]
        if address := _listen_address(network_mode):
            sections += [
                _section(Purpose.PORT_INPUT, "[INPUT]", "Name forward", f"Listen {address}", f"Port {FORWARD_PORT}"),
                _section(
                    Purpose.HEALTH_INPUT,
                    "[INPUT]",
                    "Name tcp",
                    f"Tag {HEALTH_TAG}",
                    "Listen 127.0.0.1",
                    f"Port {HEALTH_PORT}",
                ),
            ]
        return sections

    def grep(self, container: str, purpose: Purpose, pattern: str) -> Section:
        # The generator's own column widths.
        rule = "Regex  log" if purpose is Purpose.INCLUDE_FILTER else "Exclude log"
        match = f"Match {output_tag(container, self.type)}"
        return _section(purpose, "[FILTER]", "Name   grep", match, f"{rule} {pattern}", container=container)

    def metadata(self, fields: dict[str, str]) -> Section:
        records = [f"Record {key} {value}" for key, value in fields.items()]
        return _section(Purpose.METADATA_FILTER, "[FILTER]", "Name record_modifier", "Match *", *records)

    def include(self, path: str) -> Section:
        return Section(Purpose.USER_CONFIGURATION, (f"@INCLUDE {path}",))

    def health_outputs(self, network_mode: str) -> list[Section]:
        if not _listen_address(network_mode):
            return []
        return [_section(Purpose.HEALTH_OUTPUT, "[OUTPUT]", "Name null", f"Match {HEALTH_TAG}")]

    def output(self, container: str, plugin: str, options: dict[str, str]) -> Section:
        return _section(
            Purpose.OUTPUT,
            "[OUTPUT]",
            f"Name {plugin}",
            f"Match {output_tag(container, self.type)}",
            *(f"{key} {value}" for key, value in options.items()),
            container=container,
        )


class _Fluentd:
    """Writes sections as Fluentd reads them."""

    type = "fluentd"
    output_key = "@type"

    def inputs(self, network_mode: str) -> list[Section]:
        sections = [_block(Purpose.SOCKET_INPUT, "source", "", "@type unix", f"path {SOCKET_FOLDER}/{SOCKET_NAME}")]
        if address := _listen_address(network_mode):
            sections.append(
                _block(Purpose.PORT_INPUT, "source", "", "@type forward", f"bind {address}", f"port {FORWARD_PORT}")
            )
        return sections

    def grep(self, container: str, purpose: Purpose, pattern: str) -> Section:
        rule = "regexp" if purpose is Purpose.INCLUDE_FILTER else "exclude"
        lines = ("@type  grep", f"<{rule}>", f"{_INDENT}key log", f"{_INDENT}pattern {pattern}", f"</{rule}>")
        return _block(purpose, "filter", output_tag(container, self.type), *lines, container=container)

    def metadata(self, fields: dict[str, str]) -> Section:
        records = [f"{_INDENT}{key} {value}" for key, value in fields.items()]
        lines = ("@type record_transformer", "<record>", *records, "</record>")
        return _block(Purpose.METADATA_FILTER, "filter", "**", *lines)

    def include(self, path: str) -> Section:
        return Section(Purpose.USER_CONFIGURATION, (f"@include {path}",))

    def health_outputs(self, network_mode: str) -> list[Section]:
        del network_mode  # there is no health input that would need an output
        return []

    def output(self, container: str, plugin: str, options: dict[str, str]) -> Section:
        lines = (f"@type {plugin}", *(f"{key} {value}" for key, value in options.items()))
        return _block(Purpose.OUTPUT, "match", output_tag(container, self.type), *lines, container=container)


def _buffer_megabytes(router: ContainerDefinition) -> int:
    """Half of the router's memory (MiB), the reservation first; 25 where it has none."""
    return (router.memory_reservation or router.memory or 0) // 2 or DEFAULT_BUFFER_MB


def _listen_address(network_mode: str) -> str | None:
    """Where the router listens for applications' own records; None: only the socket of the log driver is there."""
    return {"awsvpc": "127.0.0.1", "bridge": "0.0.0.0"}.get(network_mode)


def _section(purpose: Purpose, header: str, *lines: str, container: str = "") -> Section:
    return Section(purpose, (header, *(_INDENT + line for line in lines)), container)


def _block(purpose: Purpose, element: str, argument: str, *lines: str, container: str = "") -> Section:
    opening = f"<{element} {argument}>" if argument else f"<{element}>"
    return Section(purpose, (opening, *(_INDENT + line for line in lines), f"</{element}>"), container)
