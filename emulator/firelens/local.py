"""The router's configuration in use here: ECS's, with outputs and buffering changed, and each change shown.

- Outputs: what would leave the machine is captured in files of JSON records that `emulator.logstore` reads, or goes to
  the local AWS endpoint, unless it is asked for by name to leave.
- Buffering: ECS's memory limit and five-second flush lose lines of a burst; a buffer on disk and one second do not.

Records have Fargate's names of containers through the log driver (`emulator.firelens.log_options`), not through a
filter. `fidelity="ecs"` changes the outputs alone. The files are read by Fluent Bit 1.8 and later.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from emulator.ecs.identity import TaskIdentity
from emulator.errors import InputError, Unsupported
from emulator.firelens.classic import Kind, Line, read_file, read_sections, section_kind
from emulator.firelens.destinations import EVERY, Destinations, LocalOutput, changed_output
from emulator.firelens.ecs_config import (
    SOCKET_FOLDER,
    SOCKET_NAME,
    Purpose,
    Section,
    ecs_sections,
    render_sections,
)
from emulator.firelens.local_aws import core_output
from emulator.firelens.log_options import IDENTITY_FIELDS, RELAY_SOCKET
from emulator.firelens.output import OutputSection
from emulator.firelens.placed import Placed, expand, placed
from emulator.firelens.routing import Router, find_router
from emulator.firelens.stored import LOG_FOLDER
from emulator.firelens.users_files import FindFiles, UsersFiles, refuse_reserved

if TYPE_CHECKING:
    from emulator.ecs.task_definition import TaskDefinition

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
"""Output plugins that open no connection before the first record, in every version of Fluent Bit from 1.8 on."""
BUFFER_FOLDER = f"{SOCKET_FOLDER}/copilot-local-buffer"
"""The router's buffer: on the socket's volume, so it lives as long as the task, a restarted router included."""

ReadFile = Callable[[str], str | None]
"""Reads a file of the router's image by its absolute path; None if it is not there."""
Lines = tuple[str, ...]
_OF_ITS_LOG = ("log_level", "log_file")
_SAID_AT_ONCE = ("role_arn", "aws_role_arn", "aws_auth", "sts_endpoint", "aws_sts_endpoint")
"""Options over which a plugin talks to AWS before a record comes: they are not checked."""


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
    """Where records end up here (those of the user's own file where it could be read)."""
    sections: tuple[Placed, ...] = ()
    """Its inputs, filters and outputs, in the order of reading; empty where the user's file could not be read."""
    metrics_port: int | None = None
    """Where the router's HTTP server answers on 127.0.0.1; None where nothing here switches it on."""


def local_router_configuration(
    task_definition: TaskDefinition,
    identity: TaskIdentity,
    *,
    service: str,
    fidelity: Literal["local", "ecs"] = "local",
    destinations: Destinations | None = None,
    read: ReadFile | None = None,
    find: FindFiles | None = None,
    working_directory: str = "/",
    check: bool = True,
    says_all: bool = False,
) -> LocalRouterConfiguration:
    """The configuration that the task's router runs on here, and how it differs from ECS's.

    `check`: the options of captured outputs stand in the file too, in sections that no record reaches: the router ends
    over a wrong one as it would on ECS.
    `says_all`: the router prints what it does at level info, whatever the user's [SERVICE] says of its log.
    `read` and `find` give the files of the router's image, `working_directory` is where its program starts. Without
    `read`, what a configuration file in the image says is not known: the result is fit for showing, not for running.
    Raises InputError where ECS or Fluent Bit would refuse, and Unsupported for what is not emulated.
    """
    sections = ecs_sections(task_definition, identity)
    router = find_router(task_definition)
    if router is None:
        raise AssertionError("ecs_sections raises where there is no router")
    if router.config_type == "file" and router.config_value is not None:
        refuse_reserved(posixpath.join(posixpath.dirname(router.config_path), router.config_value))
    _check_supported(router)
    working = router.container.working_directory or working_directory
    files = None if read is None else UsersFiles(read, find, (working, posixpath.dirname(router.config_path)))
    variables = {pair.name: pair.value for pair in router.container.environment if isinstance(pair.value, str)}
    destinations = destinations or Destinations()
    change = _Change(identity, service, fidelity == "ecs", destinations, files, check, says_all, variables)
    if files is not None and router.include_path is not None:
        change.load(files, router.include_path)
    local = [change.section(section) for section in sections]
    if service_section := change.service_section():
        local.insert(0, service_section)
    configuration = LocalRouterConfiguration(
        path=router.config_path,
        text=render_sections(local),
        files={CONFIGURATION_FOLDER + path: text for path, text in files.copies.items()} if files else {},
        differences=tuple(change.differences),
        outputs=tuple(change.outputs),
        sections=tuple(change.placed) if files is not None or router.include_path is None else (),
        metrics_port=change.metrics_port,
    )
    if files is not None or router.include_path is None:
        _refuse_unknown_outputs(configuration, change.written)
    return configuration


def _refuse_unknown_outputs(configuration: LocalRouterConfiguration, written: list[OutputSection]) -> None:
    """Reads the finished text again, as Fluent Bit does. Raises InputError for an output that was not put there."""
    there = read_sections(configuration.text, configuration.path, configuration.files.get)
    kinds = [(section, section_kind(section.name)) for section in there]
    outputs = [(section, OutputSection.of(section.entries)) for section, kind in kinds if kind == "output"]
    for section, found in outputs:
        if found not in written:
            file = section.file.removeprefix(CONFIGURATION_FOLDER)
            raise InputError(
                f"{file}:{section.number} in the log router's image: an output that is not understood here: "
                f"{found.plugin or 'without a name'}",
                hint="write it as a section of its own with `Name`, `Match` and its options",
            )
    if len(outputs) != len(written):
        raise InputError(f"the log router's configuration has {len(outputs)} outputs; {len(written)} were expected")


def driver_differences(fidelity: Literal["local", "ecs"]) -> tuple[Difference, ...]:
    """What is another here between a container and its router, which no line of the router's file shows."""
    return (_DOCKERS_NAMES,) if fidelity == "ecs" else (_RELAYED,)


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


@dataclass(slots=True)
class _Change:
    """Turns ECS's sections into those in use here, one by one, and keeps the differences."""

    identity: TaskIdentity
    service: str
    as_ecs: bool
    destinations: Destinations
    files: UsersFiles | None
    check: bool
    says_all: bool
    variables: dict[str, str]
    differences: list[Difference] = field(default_factory=list, init=False)
    outputs: list[LocalOutput] = field(default_factory=list, init=False)
    placed: list[Placed] = field(default_factory=list, init=False)
    written: list[OutputSection] = field(default_factory=list, init=False)
    """Every output of the finished text."""
    metrics_port: int | None = field(default=None, init=False)
    _paths: list[str] = field(default_factory=list, init=False)
    _user_outputs: int = field(default=0, init=False)

    def load(self, files: UsersFiles, written: str) -> None:
        """Reads the user's files: `@SET` in any of them counts for all sections."""
        self._paths = files.load(written)
        self.variables |= files.variables
        files.placed = self.placed

    def section(self, section: Section) -> Section:
        """What stands here for a section of ECS's file."""
        if section.purpose is Purpose.USER_CONFIGURATION:
            return self._included(section)
        lines = read_file(section.text, "").lines
        entries = [line for line in lines if line.kind is Kind.ENTRY]
        if section.purpose in (Purpose.OUTPUT, Purpose.HEALTH_OUTPUT):
            changed = self._output(entries, section.container, "", "    ", section.lines)
            return Section(section.purpose, section.lines if changed is None else changed, section.container)
        self.placed.append(placed(section_kind(lines[0].key), entries, self.variables, stream=section.container))
        if section.purpose is Purpose.SOCKET_INPUT and not self.as_ecs:
            return self._buffered(section)
        return section

    def service_section(self) -> Section | None:
        """The [SERVICE] section, with the user's own settings: a second one would not be read.

        The HTTP server tells which outputs the router really has. Nothing asks where all of them are live, as on ECS.
        """
        user = self.files.service if self.files is not None else []
        if self.says_all:
            user = [*(entry for entry in user if entry[0].lower() not in _OF_ITS_LOG), ("log_level", "info")]
        everything_leaves = self.destinations.policies.get(EVERY) == "live"
        if self.as_ecs and everything_leaves and not user:
            return None
        server = [] if self.as_ecs and everything_leaves else [*METRICS_SERVER]
        own = [*server] if self.as_ecs else [("flush", "1"), *server, ("storage.path", BUFFER_FOLDER)]
        values = {key.lower(): expand(value, self.variables) for key, value in user}
        if server:
            port = values.get("http_port", "")
            self.metrics_port = int(port) if port.isascii() and port.isdigit() else METRICS_PORT
            replaced = {"http_server"} | (set() if port == str(self.metrics_port) else {"http_port"})
            user = [entry for entry in user if entry[0].lower() not in replaced]
        set_by_user = {key.lower() for key, _ in user}
        entries = [entry for entry in own if entry[0] not in set_by_user] + user
        lines = ("[SERVICE]", *(f"    {key} {value}" for key, value in entries))
        reasons = [] if self.as_ecs else [_AT_ONCE]
        reasons += [_COUNTERS] if server else []
        reasons += [_MERGED] if user else []
        self.differences.insert(0, Difference((), lines, "; ".join(reasons)))
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
        paths = self._paths or [line.removeprefix("@INCLUDE ")]
        changed = tuple(
            f"@INCLUDE {CONFIGURATION_FOLDER}{path if path.startswith('/') else '/' + path}" for path in paths
        )
        if self.files is not None:
            everything_leaves, kind = self.destinations.policies.get(EVERY) == "live", "filter"
            for path in paths:
                kind = self.files.rewrite(
                    path, self._users_output, CONFIGURATION_FOLDER, above=kind, custom=everything_leaves
                )
        reason = "a copy of your file, the same but for where its outputs go"
        self.differences.append(Difference((line,), changed, reason))
        return Section(section.purpose, changed)

    def _users_output(self, entries: list[Line], indent: str, path: str, number: int) -> Lines | None:
        self._user_outputs += 1
        return self._output(entries, f"output-{self._user_outputs}", path, indent, (), number)

    def _output(
        self, entries: list[Line], stream: str, path: str, indent: str, lines: Lines, number: int = 0
    ) -> Lines | None:
        """The output that runs here; None where it stays as it is. `lines`: it as ECS has it, else it is made anew."""
        section = OutputSection.of(entries)
        here = placed("output", entries, self.variables, file=path, line=number, stream=stream)
        named = replace(section, plugin=here.plugin)
        where = f"{path}: " if path else ""
        if named.kind == "null":
            # Not what a variable may say in the end.
            self._keep(named, here)
            return None if section == named else named.lines(indent)
        if self.destinations.policy(stream, named.plugin) == "capture":
            file = record_file(self.service, self.identity, stream)
            changed = OutputSection("file", section.match, (("File", file), ("Path", LOG_FOLDER)))
            self.outputs.append(LocalOutput(stream, named.kind, "capture", match=section.match))
            reason = _CAPTURED
        else:
            changed, output, reason = changed_output(named, stream, self.destinations, self.identity)
            self.outputs.append(output)
        self._keep(changed, replace(here, plugin=changed.plugin, alias=alias_of(changed, self.variables)))
        if changed == section:
            return None
        self.differences.append(Difference(lines or section.lines(), changed.lines(), where + reason))
        if changed.plugin != "file":
            return changed.lines(indent)
        return (*changed.lines(indent), *self._checked(named, where, here, indent))

    def _keep(self, section: OutputSection, here: Placed) -> None:
        self.written.append(section)
        self.placed.append(here)

    def _checked(self, section: OutputSection, where: str, here: Placed, indent: str) -> Lines:
        """A captured output as it is, but that no record reaches it."""
        core = core_output(section)
        if not self.check or core.kind not in QUIET_PLUGINS:
            return ()
        entries = tuple((key, value) for key, value in core.entries if key.lower() not in _SAID_AT_ONCE)
        unreached = OutputSection(core.plugin, (("Match", NO_TAG),), entries)
        self._keep(unreached, replace(here, plugin=core.plugin))
        self.differences.append(Difference((), unreached.lines(), where + _CHECKED))
        return ("", *unreached.lines(indent))


def alias_of(section: OutputSection, variables: Mapping[str, str]) -> str:
    """The name that Fluent Bit gives an output instead of plugin and number."""
    return expand(next((value for key, value in section.entries if key.lower() == "alias"), ""), variables)


_AT_ONCE = "records are written after a second, not five, and wait on disk: a burst does not outrun the router"
_COUNTERS = (
    "the router tells which outputs it has, before a container logs to it, and its counters, for "
    "`copilot-local firelens metrics`"
)
_MERGED = "Fluent Bit reads one [SERVICE], so the one of your configuration file is merged into it"
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
