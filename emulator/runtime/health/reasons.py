"""Why a task is not healthy: one model, which the command line, the agent and the plugin of pytest print alike.

Pure: from the listing, the targets as the load balancer checks them, the results of container health checks and who
listens in the task.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from emulator.engine.interface import Health
from emulator.runtime.health.own_address import unreachable
from emulator.runtime.health.ports import Listening
from emulator.runtime.listeners.front_ports import balanced
from emulator.runtime.specs.load_balancer import target_name
from emulator.runtime.state.observed import Member, Task

if TYPE_CHECKING:
    from emulator.ecs.service import TargetGroup
    from emulator.ecs.task_definition import ContainerDefinition
    from emulator.runtime.state.desired import DesiredService

GOOD_STATES = ("healthy", "unused")
"""States of a target that nothing is waited for in: one that no rule forwards to is never checked."""
_NOT_FOUND = (126, 127)
"""Exit codes of a shell that cannot run a command."""
_SHOWN = 300
"""Characters of a health check's output that are put into a sentence."""


class Code(enum.StrEnum):
    """What kind of reason it is."""

    MISSING = "missing"
    """A container is not there."""
    EXITED = "exited"
    WAITING = "waiting"
    """A container waits for another one."""
    CHECKING = "checking"
    """A health check has no verdict yet."""
    CHECK_FAILS = "check-fails"
    WRONG_PORT = "wrong-port"
    """The container listens on another port than the one that is asked."""
    LOOPBACK_ONLY = "loopback-only"
    OWN_ADDRESS_ONLY = "own-address-only"
    """The proxy of Service Connect, through which everything comes in, asks at 127.0.0.1."""
    NOT_LISTENING = "not-listening"
    WRONG_STATUS = "wrong-status"
    NO_ANSWER = "no-answer"
    """The check of a target gets no proper answer."""


TRANSIENT = frozenset({Code.MISSING, Code.EXITED, Code.WAITING, Code.CHECKING})
"""Reasons that every start has for a moment."""
SLOW_START = TRANSIENT | {Code.NOT_LISTENING}
"""Reasons that a program has which takes long to start, too."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. `final`: ECS would stop the task over it now, and nothing about it points to a late start. `late`: a
    program that takes long to start may be all that it is."""

    code: Code
    text: str
    service: str = ""
    task_id: str = ""
    container: str = ""
    hint: str = ""
    output: tuple[str, ...] = ()
    """What the health check printed."""
    final: bool = False
    late: bool = False

    @property
    def subject(self) -> str:
        """Whose reason it is."""
        return f"{self.service} {self.task_id[:8]}".strip()


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The last result of a container's health check. `exit_code` is None where it could not be run or did not end."""

    passed: bool
    exit_code: int | None = None
    output: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one task. `listening` is None where it was not looked at."""

    task: Task
    desired: DesiredService
    targets: Sequence[Mapping[str, Any]]
    """Those of the task, as the agent gives them."""
    checks: Mapping[str, CheckResult]
    """By container id."""
    listening: Sequence[Listening] | None
    now: datetime

    @property
    def grace_over(self) -> bool:
        """Whether ECS counts failed checks of the task by now."""
        if self.task.pause is None or self.desired.is_attended:
            return False  # a debugger may have stopped it, or it was not started
        age = (self.now - self.task.pause.created).total_seconds()
        return age >= self.desired.service.health_check_grace_period


def targets_of_task(task: Task, targets: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The targets that a task is in the load balancer."""
    name = target_name(task)
    return [target for target in targets if target["name"] == name]


def reasons_of(facts: Facts) -> list[Reason]:
    """Everything that keeps a task from being healthy; empty where it is."""
    return [*_containers(facts), *_targets(facts)]


def _reason(facts: Facts, code: Code, text: str, **more: Any) -> Reason:
    return Reason(code, text, facts.task.service, facts.task.id, **more)


def _containers(facts: Facts) -> Iterator[Reason]:
    task = facts.task
    for definition in facts.desired.service.task_definition.container_definitions:
        member = task.members.get(definition.name)
        if member is None:
            yield _reason(facts, Code.MISSING, f"container {definition.name} is not there", container=definition.name)
        elif not member.started:
            yield _reason(facts, Code.WAITING, _not_started(task, member), container=member.name)
        elif member.essential and not member.running:
            yield _reason(facts, Code.EXITED, f"container {member.name} has exited", container=member.name)
        elif member.running and member.container.health in (Health.STARTING, Health.UNHEALTHY):
            yield _checked(facts, member, definition)


def _not_started(task: Task, member: Member) -> str:
    states = {"HEALTHY": "is healthy", "COMPLETE": "has ended", "SUCCESS": "has succeeded"}
    waits = [
        f"{name} {states[condition]}"
        for name, condition in member.dependencies
        if condition in states and name in task.members
    ]
    return f"container {member.name} has not started" + (f": it waits until {' and '.join(waits)}" if waits else "")


def _checked(facts: Facts, member: Member, definition: ContainerDefinition) -> Reason:
    """A container whose health check has not succeeded."""
    name, health = member.name, member.container.health
    result = facts.checks.get(member.container.id)
    # What is not in the image will not come, however long ECS would go on counting nothing.
    absent = result is not None and result.exit_code in _NOT_FOUND
    final = health is Health.UNHEALTHY and member.essential and (facts.grace_over or absent)
    if result is None or result.passed:
        if health is Health.STARTING:
            return _reason(facts, Code.CHECKING, f"the health check of {name} has no result yet", container=name)
        return _reason(facts, Code.CHECK_FAILS, f"container {name} is unhealthy", container=name, final=final)
    lines = [line for line in result.output.splitlines() if line.strip()]
    said = f": {_shortened(lines[-1])}" if lines else ", and printed nothing"
    how = "did not end in time or could not be run" if result.exit_code is None else f"failed with {result.exit_code}"
    command = " ".join(definition.health_check.command[1:]) if definition.health_check else ""
    return _reason(
        facts,
        Code.CHECK_FAILS,
        f"the health check of {name} {how}{said}",
        container=name,
        hint=f"it runs in {name}: `{command}`" if command else "",
        output=tuple(lines),
        final=final,
    )


def _targets(facts: Facts) -> Iterator[Reason]:
    service = facts.desired.service
    groups = {name: service.target_group(name) for name in balanced(service)}
    known = {str(target.get("target_group", "")) for target in facts.targets}
    for target in facts.targets:
        group = groups.get(str(target.get("target_group", "")))
        member = facts.task.members.get(group.container_name) if group is not None else None
        if target["state"] in GOOD_STATES:
            continue
        if group is None or (member is not None and not member.running):
            yield _reason(facts, Code.CHECKING, _stated(target))
        else:
            yield _target(facts, group, target)
    if len(known & groups.keys()) < len(groups) and known != {""}:
        yield _reason(facts, Code.CHECKING, "the load balancer does not know the task yet")


def _hint_for_status(code: int, path: str) -> str:
    if code in (502, 503, 504):  # of a proxy, as a rule
        return f"`copilot-local trace GET {path}` names the hop that fails"
    return "`http.healthcheck` in the manifest has its path and `success_codes`"


def _stated(target: Mapping[str, Any]) -> str:
    why = f" ({target['description']})" if target.get("description") else ""
    return f"its target is {target['state']}{why}"


def _target(facts: Facts, group: TargetGroup, target: Mapping[str, Any]) -> Reason:
    unhealthy = target["state"] == "unhealthy" and facts.grace_over
    container = group.container_name
    asked = group.health_check.port or group.container_port
    if (native := _not_started_here(facts, group, asked, target)) is not None:
        return native
    proxied = _is_proxied(facts.desired, asked)
    if facts.listening is not None and not any(one.port == asked and one.answers(proxied) for one in facts.listening):
        return _not_listening(facts, group, asked, unhealthy=unhealthy)
    check, code = str(target.get("check", "")), target.get("code")
    what = f"GET {group.health_check.path}" if group.health_check.protocol != "TCP" else f"connecting to {asked}"
    where = "" if asked == group.container_port else f" on port {asked}"
    if check == "L7STS" and code and group.protocol_version != "GRPC":
        # What answers so may be on its way; a path that is not there will not come.
        late = int(code) >= 500 or int(code) in (408, 425, 429)
        return _reason(
            facts,
            Code.WRONG_STATUS,
            f"{what}{where} answered {code}; the health check of {container} takes {group.health_check.success_codes}",
            container=container,
            hint=_hint_for_status(int(code), group.health_check.path),
            final=unhealthy and int(code) >= 300 and not late,
            late=late,
        )
    if (words := _CHECKS.get(check)) is not None:
        return _reason(facts, Code.NO_ANSWER, f"{what}{where} of {container} {words}", container=container)
    kind = Code.NO_ANSWER if target["state"] == "unhealthy" else Code.CHECKING
    return _reason(facts, kind, _stated(target), container=container)


def _is_proxied(desired: DesiredService, port: int) -> bool:
    """Whether what comes in at a port goes through a proxy of Service Connect."""
    return desired.proxied and desired.service.connect is not None and desired.service.connect.port == port


def _not_started_here(facts: Facts, group: TargetGroup, asked: int, target: Mapping[str, Any]) -> Reason | None:
    """The program of this machine that is in the container's place does not listen."""
    service, native = facts.desired.service, facts.desired.options.native
    if native is None or group.container_name != service.main_container or target.get("check") != "L4CON":
        return None
    if (port := native.ports.get(asked)) is None:
        text = f"port {asked} of {service.name} leads to nothing: --native {service.name} does not name it"
        hint = f"add --native {service.name}=PORT:{asked}"
    else:
        text = f"nothing listens on 127.0.0.1:{port} of this machine"
        hint = f"start the process; `copilot-local env {service.name}` prints its variables"
    return _reason(facts, Code.NOT_LISTENING, text, container=group.container_name, hint=hint)


_CHECKS = {
    "L4CON": "was refused",
    "L4TOUT": "got no connection in time",
    "L6TOUT": "got no TLS connection in time",
    "L6RSP": "got no TLS connection",
    "L7TOUT": "got no answer in time",
    "L7RSP": "got something that is no proper answer",
    "L7STS": "got another answer than the health check takes",
}
"""HAProxy's words for the result of a check."""


def _not_listening(facts: Facts, group: TargetGroup, asked: int, *, unhealthy: bool) -> Reason:
    """Nothing takes connections from outside on the port that the load balancer checks."""
    container = group.container_name
    listening = facts.listening or ()
    local = next((one for one in listening if one.port == asked), None)
    if local is not None:
        name = local.container or container
        kind, hint = Code.LOOPBACK_ONLY, f"let {name} listen on 0.0.0.0:{asked}"
        text = f"{name} listens on {local.host}:{asked} alone, where the load balancer does not reach it"
        if _is_proxied(facts.desired, asked):
            kind, text = Code.OWN_ADDRESS_ONLY, unreachable(local, name)
            hint = f"{hint}: deployed, its health checks fail too"
        return _reason(facts, kind, text, container=name, hint=hint, final=unhealthy)
    own = sorted({one.port for one in listening if one.container == container})
    if own:
        ports = ", ".join(map(str, own))
        key = "image.port" if container == facts.desired.service.main_container else f"sidecars.{container}.port"
        if asked != group.container_port:
            key = "http.healthcheck.port"
        text = f"{container} listens on {ports}, not {asked}"
        hint = f"write `{key}: {own[0]}` in the manifest, or let {container} listen on {asked}"
        return _reason(facts, Code.WRONG_PORT, text, container=container, hint=hint, final=unhealthy)
    others = [f"{one.container or 'something'} on {one.port}" for one in listening]
    there = f"; in this task listen: {', '.join(dict.fromkeys(others))}" if others else ""
    text = f"nothing listens on port {asked} of {container}{there}"
    hint = f"does {container} start a server, and on port {asked}? `copilot-local logs -c {container}`"
    return _reason(facts, Code.NOT_LISTENING, text, container=container, hint=hint)


def _shortened(text: str) -> str:
    text = "".join(character if character.isprintable() else " " for character in text.strip())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
