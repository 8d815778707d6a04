"""The router's configuration in use here: ECS's, with outputs and buffering changed, and each change shown.

- Outputs: what would leave the machine is captured in files of JSON records that `emulator.logstore` reads, or goes to
  the local AWS endpoint, unless it is asked for by name to leave.
- Buffering: ECS's memory limit and five-second flush lose lines of a burst; a buffer on disk and one second do not.

Records have Fargate's names of containers through the log driver (`emulator.firelens.log_options`), not through a
filter. `fidelity="ecs"` changes the outputs alone. The files are read by Fluent Bit 1.8 and later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import InputError, Unsupported
from emulator.firelens.destinations import Destinations, LocalOutput, changed_output
from emulator.firelens.ecs_config import (
    SOCKET_FOLDER,
    SOCKET_NAME,
    Purpose,
    Section,
    ecs_sections,
    render_sections,
)
from emulator.firelens.included import Lines, rewrite_included
from emulator.firelens.local_aws import core_output
from emulator.firelens.log_options import IDENTITY_FIELDS, RELAY_SOCKET
from emulator.firelens.output import Entries, OutputSection
from emulator.firelens.routing import Router, find_router

LOG_FOLDER = "/copilot-local/logs"
"""Where the task's folder of the log store is mounted in the router."""
CONFIGURATION_FOLDER = "/copilot-local/config"
"""Where the rewritten copies of the user's own configuration files go in the router."""
METRICS_PORT = 24220
METRICS_SERVER = (("http_listen", "127.0.0.1"), ("http_port", str(METRICS_PORT)), ("http_server", "On"))
NO_TAG = "copilot-local.none"
"""A tag that no record has."""
QUIET_PLUGINS = frozenset(
    {
        "cloudwatch_logs", "kinesis_firehose", "kinesis_streams", "s3", "datadog", "es", "forward", "gelf", "http",
        "influxdb", "kafka-rest", "logdna", "loki", "nats", "nrlogs", "slack", "splunk", "syslog", "tcp", "td",
        "websocket", "azure",
    }
)  # fmt: skip
"""Output plugins that talk to nobody before a record comes, in every version of Fluent Bit from 1.8 on."""
BUFFER_FOLDER = f"{SOCKET_FOLDER}/copilot-local-buffer"
"""The router's buffer: on the socket's volume, so it lives as long as the task, a restarted router included."""

ReadFile = Callable[[str], str | None]
"""Reads a file of the router's image by its absolute path; None if it is not there."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of ECS's file that is another here: its lines there, its lines here (either may be empty), and why."""

    ecs: tuple[str, ...]
    local: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class LocalRouterConfiguration:
    """What the router of one task runs on here."""

    path: str
    """Where the main file goes in the router's container."""
    text: str
    files: dict[str, str] = field(default_factory=dict)
    """Absolute path to text: rewritten copies of the user's own configuration files."""
    differences: tuple[Difference, ...] = ()
    outputs: tuple[LocalOutput, ...] = ()
    """Where records end up here, those of the user's own file last (where it could be read)."""


def local_router_configuration(
    task_definition: TaskDefinition,
    identity: TaskIdentity,
    *,
    service: str,
    fidelity: Literal["local", "ecs"] = "local",
    destinations: Destinations | None = None,
    read: ReadFile | None = None,
    check: bool = True,
) -> LocalRouterConfiguration:
    """The configuration that the task's router runs on here, and how it differs from ECS's.

    `check`: the options of captured outputs stand in the file too, in sections that no record reaches: the router ends
    over a wrong one as it would on ECS.
    Without `read`, what a configuration file in the router's image says is not known: the result is fit for showing,
    not for running. Raises InputError where ECS would refuse, and Unsupported for what is not emulated.
    """
    sections = ecs_sections(task_definition, identity)
    router = find_router(task_definition)
    if router is None:
        raise AssertionError("ecs_sections raises where there is no router")
    _check_supported(router)
    change = _Change(identity, service, fidelity == "ecs", destinations or Destinations(), read, check)
    local = [change.section(section) for section in sections]
    if service_section := change.service_section():
        local.insert(0, service_section)
    return LocalRouterConfiguration(
        path=router.config_path,
        text=render_sections(local),
        files=change.files,
        differences=tuple(change.differences),
        outputs=tuple(change.outputs),
    )


def driver_differences(fidelity: Literal["local", "ecs"]) -> tuple[Difference, ...]:
    """What is another here between a container and its router, which no line of the router's file shows."""
    return (_DOCKERS_NAMES,) if fidelity == "ecs" else (_RELAYED,)


def task_folder(service: str, task_id: str) -> str:
    """The name of a task's folder in the log store, which is mounted in its router."""
    return f"{service}.{task_id}"


def record_file(service: str, identity: TaskIdentity, stream: str) -> str:
    """The name of the file that holds a task's records of one stream: a container's, or an output's of the user's own.

    No part holds a dot, so the name tells service, task and stream.
    """
    return f"{service}.{identity.task_id}.{stream}"


def _check_supported(router: Router) -> None:
    if router.type != "fluentbit":
        raise Unsupported(
            f"a log router of type {router.type} cannot run here yet",
            hint="`copilot-local firelens config` shows the file that ECS would generate for it",
        )
    if router.config_type == "s3":
        raise Unsupported(
            "a log router's configuration in S3 cannot be used here, nor on Fargate",
            hint="put the file into the router's image and set config-file-type to `file`",
        )


class _Change:
    """Turns ECS's sections into those in use here, one by one, and keeps the differences."""

    def __init__(
        self,
        identity: TaskIdentity,
        service: str,
        as_ecs: bool,
        destinations: Destinations,
        read: ReadFile | None,
        check: bool,
    ) -> None:
        self._identity = identity
        self._service = service
        self._as_ecs = as_ecs
        self._destinations = destinations
        self._read = read
        self._check = check
        self._user_service: Entries = []
        self._user_outputs = 0
        self.files: dict[str, str] = {}
        self.differences: list[Difference] = []
        self.outputs: list[LocalOutput] = []

    def section(self, section: Section) -> Section:
        """What stands here for a section of ECS's file."""
        if section.purpose is Purpose.SOCKET_INPUT and not self._as_ecs:
            return self._buffered(section)
        if section.purpose is Purpose.USER_CONFIGURATION:
            return self._included(section)
        if section.purpose is Purpose.OUTPUT:
            lines = self._output(section.lines, section.container, "")
            return Section(section.purpose, lines, section.container)
        return section

    def service_section(self) -> Section | None:
        """The [SERVICE] section, with the user's own settings: a second one would not be read."""
        if self._as_ecs:
            return None
        own = [("flush", "1"), *METRICS_SERVER, ("storage.path", BUFFER_FOLDER)]
        set_by_user = {key.lower() for key, _ in self._user_service}
        entries = [entry for entry in own if entry[0] not in set_by_user] + self._user_service
        lines = ("[SERVICE]", *(f"    {key} {value}" for key, value in entries))
        reason = (
            "records are written after a second, not five, and wait on disk: a burst does not outrun the router; "
            "its counters are there for `copilot-local firelens metrics`"
        )
        if self._user_service:
            reason += "; Fluent Bit reads one [SERVICE], so the one of your configuration file is merged into it"
        self.differences.insert(0, Difference((), lines, reason))
        return Section(Purpose.SERVICE, lines)

    def _buffered(self, section: Section) -> Section:
        # Keys stay sorted, as in all of ECS's file.
        lines = tuple("    storage.type filesystem" if "Mem_Buf_Limit" in line else line for line in section.lines)
        lines = (lines[0], *sorted(lines[1:]))
        limit = tuple(line for line in section.lines if line not in lines)
        self.differences.append(
            Difference(
                limit,
                ("    storage.type filesystem",),
                "with the memory limit Fluent Bit drops what comes faster than it writes; here the buffer is on disk",
            )
        )
        return Section(section.purpose, lines)

    def _included(self, section: Section) -> Section:
        [line] = section.lines
        path = line.removeprefix("@INCLUDE ")
        local = f"{CONFIGURATION_FOLDER}{path if path.startswith('/') else '/' + path}"
        self._copy(path, local)
        changed = f"@INCLUDE {local}"
        reason = "a copy of your file, the same but for where its outputs go"
        self.differences.append(Difference((line,), (changed,), reason))
        return Section(section.purpose, (changed,))

    def _copy(self, path: str, local: str) -> None:
        """Writes the copy of a configuration file of the image, and of those that it includes."""
        if self._read is None or local in self.files:
            return
        if not path.startswith("/"):
            raise Unsupported(
                f"the log router's configuration includes {path}, a relative path",
                hint="use the absolute path of one file in the router's image",
            )
        if any(sign in path for sign in "*?["):
            raise Unsupported(
                f"the log router's configuration includes {path}, a pattern",
                hint="include each file by its own path",
            )
        text = self._read(path)
        if text is None:
            raise InputError(
                f"the log router's image has no file {path}",
                hint="build the file into the image that `logging.image` names, or correct `configFilePath`",
            )
        self.files[local] = ""  # before its includes are followed: two files may include each other
        rewritten = rewrite_included(text, lambda lines: self._users_output(lines, path), keep_service=self._as_ecs)
        for nested in rewritten.includes:
            self._copy(nested, CONFIGURATION_FOLDER + nested)
        self.files[local] = rewritten.text(CONFIGURATION_FOLDER)
        self._user_service += rewritten.service

    def _users_output(self, lines: Lines, path: str) -> Lines:
        self._user_outputs += 1
        return self._output(lines, f"output-{self._user_outputs}", f"{path}: ")

    def _output(self, lines: Lines, stream: str, where: str) -> Lines:
        """The output that runs here; one that drops records stays."""
        section = OutputSection.parse(lines)
        if section.plugin.lower() == "null":
            return lines
        if self._destinations.policy(stream, section.plugin) == "capture":
            file = record_file(self._service, self._identity, stream)
            changed = OutputSection("file", section.match, (("File", file), ("Path", LOG_FOLDER)))
            self.outputs.append(LocalOutput(stream, section.plugin, "capture"))
            reason = _CAPTURED
        else:
            changed, output, reason = changed_output(section, stream, self._destinations, self._identity)
            self.outputs.append(output)
        if changed == section:
            return lines
        self.differences.append(Difference(lines, changed.lines(), where + reason))
        return (*changed.lines(), *self._checked(section, where)) if changed.plugin == "file" else changed.lines()

    def _checked(self, section: OutputSection, where: str) -> Lines:
        """A captured output as it is, but that no record reaches it."""
        core = core_output(section)
        if not self._check or core.plugin not in QUIET_PLUGINS:
            return ()
        unreached = OutputSection(core.plugin, (("Match", NO_TAG),), core.entries).lines()
        self.differences.append(Difference((), unreached, where + _CHECKED))
        return ("", *unreached)


_CHECKED = "no record comes here: Fluent Bit checks the options of your output, as it would on ECS"
_CAPTURED = "nothing leaves this machine: the records are captured in the log store, `copilot-local logs --routed`"
_RELAYED = Difference(
    (f"Docker's log driver: fluentd-address unix://…/{SOCKET_NAME}, where the router listens", "fluentd-async true"),
    (f"Docker's log driver: fluentd-address unix://…/{RELAY_SOCKET}, where a relay listens", "fluentd-async false"),
    f"the relay, in the task's pause container, passes each line on to {SOCKET_NAME} as a message of its own, as "
    "Docker's driver does: filters see no difference. It keeps the line until Fluent Bit has it on disk: a router that "
    "dies loses none; ECS's asynchronous driver drops what is queued when a container exits",
)
_DOCKERS_NAMES = Difference(
    (f"{' and '.join(IDENTITY_FIELDS)} of a record: Fargate's",),
    (f"{' and '.join(IDENTITY_FIELDS)} of a record: Docker's own",),
    'as on EC2: [logs] fidelity = "ecs" leaves to Docker\'s log driver how records name their container',
)
