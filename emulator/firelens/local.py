"""The router's configuration in use here: ECS's, with outputs, buffering and identity changed, and each change shown.

- Outputs: what would leave the machine is captured in files of JSON records that `emulator.logstore` reads.
- Buffering: ECS's memory limit and five-second flush lose lines of a burst; a buffer on disk and one second do not.
- Identity: Docker's log driver names the container as Docker does; Fargate's records have ECS's name and id.

`fidelity="ecs"` changes the outputs alone. The files are read by Fluent Bit 1.8 and later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import InputError, Unsupported
from emulator.firelens.ecs_config import (
    SOCKET_FOLDER,
    Purpose,
    Section,
    ecs_sections,
    render_sections,
)
from emulator.firelens.included import Entries, FileOutput, rewrite_included
from emulator.firelens.log_options import record_tag
from emulator.firelens.routing import Router, find_router, routed_containers

LOG_FOLDER = "/copilot-local/logs"
"""Where the log store's volume is mounted in the router."""
CONFIGURATION_FOLDER = "/copilot-local/config"
"""Where the rewritten copies of the user's own configuration files go in the router."""
BUFFER_FOLDER = f"{SOCKET_FOLDER}/copilot-local-buffer"
"""The router's buffer: on the socket's volume, so it lives as long as the task, a restarted router included."""

Policy = Literal["capture", "local-aws", "live"]
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


def local_router_configuration(
    task_definition: TaskDefinition,
    identity: TaskIdentity,
    *,
    service: str,
    fidelity: Literal["local", "ecs"] = "local",
    policy: Policy = "capture",
    read: ReadFile | None = None,
) -> LocalRouterConfiguration:
    """The configuration that the task's router runs on here, and how it differs from ECS's.

    Without `read`, what a configuration file in the router's image says is not known: the result is fit for showing,
    not for running. Raises InputError where ECS would refuse, and Unsupported for what is not emulated.
    """
    sections = ecs_sections(task_definition, identity)
    router = find_router(task_definition)
    if router is None:
        raise AssertionError("ecs_sections raises where there is no router")
    _check_supported(router, policy)
    change = _Change(task_definition, identity, service, fidelity == "ecs", read)
    local = [changed for section in sections for changed in change.section(section)]
    if service_section := change.service_section():
        local.insert(0, service_section)
    return LocalRouterConfiguration(
        path=router.config_path,
        text=render_sections(local),
        files=change.files,
        differences=tuple(change.differences),
    )


def record_file(service: str, identity: TaskIdentity, stream: str) -> str:
    """The name of the file that holds a task's records of one stream: a container's, or an output's of the user's own.

    No part holds a dot, so the name tells service, task and stream.
    """
    return f"{service}.{identity.task_id}.{stream}"


def _check_supported(router: Router, policy: Policy) -> None:
    if policy != "capture":
        raise Unsupported(
            f"log destinations cannot be sent to `{policy}` yet",
            hint="leave the policy at `capture`: records stay on this machine",
        )
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
        task_definition: TaskDefinition,
        identity: TaskIdentity,
        service: str,
        as_ecs: bool,
        read: ReadFile | None,
    ) -> None:
        self._task_definition = task_definition
        self._identity = identity
        self._service = service
        self._as_ecs = as_ecs
        self._read = read
        self._user_service: Entries = []
        self._outputs = 0
        self._identity_written = as_ecs or identity.ec2_instance_id is not None
        self.files: dict[str, str] = {}
        self.differences: list[Difference] = []

    def section(self, section: Section) -> list[Section]:
        """What stands here for a section of ECS's file."""
        changed = section
        if section.purpose is Purpose.SOCKET_INPUT and not self._as_ecs:
            changed = self._buffered(section)
        elif section.purpose is Purpose.USER_CONFIGURATION:
            changed = self._included(section)
        elif section.purpose is Purpose.OUTPUT:
            changed = self._captured(section)
        before: list[Section] = []
        if section.purpose in (Purpose.USER_CONFIGURATION, Purpose.HEALTH_OUTPUT, Purpose.OUTPUT):
            # The user's own filters must see the fields as on Fargate.
            before = self._identity_filters()
        return [*before, changed]

    def service_section(self) -> Section | None:
        """The [SERVICE] section, with the user's own settings: a second one would not be read."""
        if self._as_ecs:
            return None
        own = [("flush", "1"), ("storage.path", BUFFER_FOLDER)]
        set_by_user = {key.lower() for key, _ in self._user_service}
        entries = [entry for entry in own if entry[0] not in set_by_user] + self._user_service
        lines = ("[SERVICE]", *(f"    {key} {value}" for key, value in entries))
        reason = "records are written after a second, not five, and wait on disk: a burst does not outrun the router"
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

    def _identity_filters(self) -> list[Section]:
        if self._identity_written:
            return []
        self._identity_written = True
        sections = []
        for container in routed_containers(self._task_definition):
            lines = (
                "[FILTER]",
                "    Name modify",
                f"    Match {record_tag(container.name, self._identity)}",
                f"    Set container_id {self._identity.container_id(container.name)}",
                f"    Set container_name {container.name}",
            )
            sections.append(Section(Purpose.IDENTITY_FILTER, lines, container.name))
            reason = f"records of {container.name} carry the name and id that Fargate gives it, not Docker's"
            self.differences.append(Difference((), lines, reason))
        return sections

    def _included(self, section: Section) -> Section:
        [line] = section.lines
        path = line.removeprefix("@INCLUDE ")
        local = f"{CONFIGURATION_FOLDER}{path if path.startswith('/') else '/' + path}"
        self._copy(path, local)
        changed = f"@INCLUDE {local}"
        reason = "a copy of your file, the same but that its outputs are captured on this machine"
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
        rewritten = rewrite_included(text, self._next_output, keep_service=self._as_ecs)
        for nested in rewritten.includes:
            self._copy(nested, CONFIGURATION_FOLDER + nested)
        self.files[local] = rewritten.text(CONFIGURATION_FOLDER)
        self._user_service += rewritten.service
        for ecs, here in rewritten.outputs:
            self.differences.append(Difference(ecs, here, f"{path}: {_CAPTURED}"))

    def _next_output(self) -> FileOutput:
        self._outputs += 1
        return FileOutput(LOG_FOLDER, record_file(self._service, self._identity, f"output-{self._outputs}"))

    def _captured(self, section: Section) -> Section:
        output = FileOutput(LOG_FOLDER, record_file(self._service, self._identity, section.container))
        lines = output.lines(section.lines)
        if lines == section.lines:
            return section
        self.differences.append(Difference(section.lines, lines, _CAPTURED))
        return Section(section.purpose, lines, section.container)


_CAPTURED = "nothing leaves this machine: the records are captured in the log store, `copilot-local logs --routed`"
