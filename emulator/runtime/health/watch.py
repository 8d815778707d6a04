"""Says why tasks are not healthy while they are waited for, and what is to be said when they will not become so."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from emulator.engine.interface import Engine, Health
from emulator.errors import CopilotLocalError, NotHealthy
from emulator.events import Emit, Event, EventKind
from emulator.runtime.health.container_failure import LAST_LINES
from emulator.runtime.health.deployments import deployment_lines
from emulator.runtime.health.early import judged_task, results_from
from emulator.runtime.health.ports import Listening, listening_in
from emulator.runtime.health.reasons import (
    GOOD_STATES,
    SLOW_START,
    TRANSIENT,
    CheckResult,
    Facts,
    Reason,
    reasons_of,
    targets_of_task,
)
from emulator.runtime.state.observed import Member, Task

if TYPE_CHECKING:
    from emulator.runtime.state.desired import DesiredState

LOOK = 1.0
"""Seconds between two looks into a task: each runs commands in its containers."""
KEEPS_FAILING = 3
"""Tasks of a service in a row that stopped soon, after which another one is not expected to stay."""
QUIET = 3.0
"""Seconds from the first look in which nothing is said that every start may have for a moment."""
LONG_QUIET = 10.0
"""The same for what may be no more than not over yet."""
_MOST_READ = 200
_NUMBERS = re.compile(r"\d+")
_MOST_PRINTED = 3
"""Containers whose last lines are shown."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the agent knows that the listing does not show."""

    state: DesiredState
    targets: Sequence[Mapping[str, Any]] = ()
    checks: Mapping[str, CheckResult] = field(default_factory=dict)
    failing: tuple[str, ...] = ()
    """Services whose tasks stop soon again and again, and why."""


def known_from(state: DesiredState, status: Mapping[str, Any]) -> Known:
    """What the agent's status says of the health of tasks."""
    services = status.get("services", {})
    mine = {name: service for name, service in services.items() if name in state.services}
    failing = [f"{name}: {line}" for name, service in mine.items() for line in deployment_lines(service)]
    failing += [
        f"{name}: the last {service['failed_starts']} tasks did not stay: {service['last_failure']}"
        for name, service in services.items()
        if service.get("failed_starts", 0) >= KEEPS_FAILING and not deployment_lines(service)
    ]
    return Known(state, status["targets"], results_from(status), tuple(failing))


class HealthWatch:
    """Follows tasks until they are healthy. Each reason is told once, when it has held for two looks.

    `clock` gives seconds, like `time.monotonic`. `at_once`: the first look goes into the tasks already, which are no
    longer starting.
    """

    def __init__(
        self, engine: Engine, emit: Emit, clock: Callable[[], float] = time.monotonic, *, at_once: bool = False
    ) -> None:
        self._engine = engine
        self._emit = emit
        self._clock = clock
        self._began = clock() - (LOOK if at_once else 0.0)
        self._looked: dict[str, float] = {}
        self._found: dict[str, list[Reason]] = {}
        self._told: set[tuple[str, str]] = set()

    def reasons(self, tasks: Iterable[Task], known: Known) -> list[Reason]:
        """Why these tasks are not healthy, as of at most a second ago; emits what is new of it."""
        tasks = list(tasks)
        for task in tasks:
            now = self._clock()
            if now - self._looked.get(task.id, -LOOK) < LOOK:
                continue
            self._looked[task.id] = now
            before = {reason.text for reason in self._found.get(task.id, [])}
            self._found[task.id] = found = self._look(task, known)
            for reason in found:
                quiet = LONG_QUIET if reason.late or reason.code in SLOW_START else QUIET
                if reason.final or (reason.text in before and now - self._began >= quiet):
                    self._tell(reason)
        return [reason for task in tasks for reason in self._found.get(task.id, [])]

    def error(self, reasons: Sequence[Reason], tasks: Iterable[Task], seconds: float, *, given_up: bool) -> NotHealthy:
        """What to raise where tasks did not become healthy: the reasons, what checks printed, each container's last
        lines. `given_up`: before the time was over, because waiting would mend nothing."""
        first = sorted(reasons, key=lambda reason: (reason.code in TRANSIENT, not reason.final))
        said = list(dict.fromkeys(f"{reason.subject}: {reason.text}" for reason in first))
        when = f"given up after {seconds:.0f} s" if given_up else f"not healthy after {seconds:g} s"
        hint = next((reason.hint for reason in first if reason.hint), "")
        more = "[time] wait_timeout sets how long to wait; `up --retain` keeps the failed task"
        return NotHealthy(
            f"{when}: {'; '.join(said) or 'tasks are missing'}",
            hint="\n".join(filter(None, (hint, "" if given_up else more))),
            output=self._last_words(first, list(tasks)),
            reasons=tuple(first),
        )

    def _look(self, task: Task, known: Known) -> list[Reason]:
        desired = known.state.services.get(task.service)
        if desired is None:
            return []
        targets = targets_of_task(task, known.targets)
        old = self._clock() - self._began >= LOOK
        # A busy machine may have a verdict at the first look: it is said with what the check printed.
        judged = any(member.container.health is Health.UNHEALTHY for member in task.members.values())
        checks = {**self._docker_s_checks(task, known), **known.checks} if old or judged else known.checks
        listening = self._listening(task, targets, known) if old else None
        return reasons_of(Facts(judged_task(task, checks), desired, targets, checks, listening, datetime.now(UTC)))

    def _listening(self, task: Task, targets: Sequence[Mapping[str, Any]], known: Known) -> list[Listening] | None:
        if all(target["state"] in GOOD_STATES for target in targets):
            return None
        return listening_in(self._engine, task, known.state.aws_port)

    def _docker_s_checks(self, task: Task, known: Known) -> dict[str, CheckResult]:
        """What Docker's own checks printed, of containers that the agent has not checked itself."""
        found: dict[str, CheckResult] = {}
        for member in task.members.values():
            container = member.container
            if not member.running or container.health not in (Health.STARTING, Health.UNHEALTHY):
                continue
            if container.id in known.checks and container.health is Health.STARTING:
                continue
            with contextlib.suppress(CopilotLocalError):
                for probe in self._engine.health_log(container.name)[-1:]:
                    found[container.id] = CheckResult(probe.exit_code == 0, probe.exit_code, probe.output)
        return found

    def _tell(self, reason: Reason) -> None:
        key = (reason.task_id, reason.text)
        if key in self._told:
            return
        self._told.add(key)
        fields: dict[str, str | int | float | bool] = {
            "reason": str(reason.code),
            "final": reason.final,
            "container": reason.container,
            "service": reason.service,
            "task": reason.task_id,
        }
        if reason.hint:
            fields["hint"] = reason.hint
        self._emit(Event(EventKind.WARNING, reason.subject, reason.text, fields))

    def _last_words(self, reasons: Sequence[Reason], tasks: Sequence[Task]) -> list[str]:
        lines: list[str] = []
        by_id = {task.id: task for task in tasks}
        shown: set[str] = set()
        said: list[list[str]] = []
        for reason in reasons:
            if reason.output and len(reason.output) > 1:
                lines += [f"the health check of {reason.container} printed:", *_indented(reason.output[-LAST_LINES:])]
        for reason in reasons:
            task = by_id.get(reason.task_id)
            member = task.members.get(reason.container) if task is not None else None
            if member is None or member.container.id in shown or len(shown) >= _MOST_PRINTED:
                continue
            shown.add(member.container.id)
            printed = self._printed(member) or ["(nothing)"]
            others = sum(member.name in other.members for other in by_id.values()) > 1
            who = f"{member.name} of task {reason.task_id[:8]}" if others else member.name
            if (shapes := [_shape(line) for line in printed]) in said:
                lines.append(f"{who} printed the same")
                continue
            said.append(shapes)
            lines += [f"{who} printed last:", *_indented(printed)]
        return lines

    def _printed(self, member: Member) -> list[str]:
        with contextlib.suppress(CopilotLocalError):
            lines = (line.text for line in self._engine.logs(member.container.name, tail=_MOST_READ))
            return once_each(lines)[-LAST_LINES:]
        return ["(its output cannot be read)"]


def hopeless(reasons: Sequence[Reason]) -> bool:
    """Whether waiting mends nothing: ECS would stop the task now, over something that is not on its way."""
    return any(reason.final for reason in reasons)


def once_each(lines: Iterable[str]) -> list[str]:
    """Lines of which the same ones come again and again, as requests of health checks are logged, shown once: of those
    that differ in numbers alone the last one, with how many there were."""
    alike: dict[str, list[str]] = {}
    for line in lines:
        before = alike.pop(_shape(line), [])
        alike[_shape(line)] = [*before, line]
    return [_with_count(same) for same in alike.values()]


def _with_count(same: Sequence[str]) -> str:
    if len(same) == 1:
        return same[0]
    return f"{same[-1]} (× {len(same)})" if len(set(same)) == 1 else f"{same[-1]} (the last of {len(same)} like it)"


def _shape(line: str) -> str:
    return _NUMBERS.sub("0", line)


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]
