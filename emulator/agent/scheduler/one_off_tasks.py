"""Tasks of no service's count: those of commands, whose requests the agent answers, and those that it runs itself."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable, Iterator

from emulator.agent.scheduler.control_lock import ControlLock
from emulator.agent.scheduler.scheduler import Scheduler
from emulator.errors import CopilotLocalError
from emulator.events import Emit
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.execution.executor import remove_rest
from emulator.runtime.planning.stop_plan import stop_task
from emulator.runtime.state.desired import DesiredService, Private
from emulator.runtime.state.observed import Task, observe
from emulator.runtime.state.operations import Plan
from emulator.runtime.state.task_role import TaskRole

log = logging.getLogger(__name__)

AGAIN = 0.25
LONGEST = 30.0
"""Seconds until Docker is asked again that did not answer: at first, and at last."""


class OneOffs:
    """What such tasks are made from and which credentials they are offered, as long as their commands are there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._present: dict[int, tuple[DesiredService, Private]] = {}
        self._count = 0

    def __bool__(self) -> bool:
        with self._lock:
            return bool(self._present)

    @contextlib.contextmanager
    def attending(self, desired: DesiredService, private: Private) -> Iterator[None]:
        """Within this block a task of that service is known."""
        with self._lock:
            self._count += 1
            key = self._count
            self._present[key] = (desired, private)
        try:
            yield
        finally:
            with self._lock:
                del self._present[key]

    def services(self) -> tuple[DesiredService, ...]:
        """What the tasks are made from."""
        with self._lock:
            return tuple(desired for desired, _ in self._present.values())

    def with_roles(self, private: Private) -> dict[str, TaskRole]:
        """Service to the source of its credentials: those of `private`, and those of these tasks."""
        with self._lock:
            roles = dict(private.task_roles)
            for _, own in self._present.values():
                roles |= own.task_roles
            return roles


class OneOffTasks:
    """The tasks of an environment that its agent runs to their end, seen and removed. A look or a removal that fails is
    made again until the environment goes away: a busy Docker loses no task. `emit` hears of removals."""

    def __init__(self, control: ControlLock, scheduler: Scheduler, emit: Emit) -> None:
        self._control = control
        self._scheduler = scheduler
        self._emit = emit

    def find(self, task_id: str) -> Task | None:
        """The task as Docker has it, None where it is gone. Raises `Cancelled` where the environment goes away."""
        scheduler = self._scheduler
        for _ in self._tries():
            try:
                task = observe(scheduler.engine, scheduler.names).tasks.get(task_id)
            except CopilotLocalError as error:
                log.warning("the task %s cannot be looked at: %s", task_id[:8], error)
                continue
            if not self._control.retired.is_set():
                return task
        raise Cancelled

    def fault(self, task: Task, expected: Iterable[str]) -> str:
        """Why a task that was started cannot go on, though no container ended it; empty where it can. `expected` are
        the containers of its definition."""
        return self._scheduler.doomed.get(task.id, "") or task.fault(expected) or ""

    def remove(self, task_id: str, why: str) -> None:
        """Stops and removes a task and what it has left, unless the environment goes away meanwhile."""
        scheduler = self._scheduler
        for _ in self._tries():
            try:
                task = observe(scheduler.engine, scheduler.names).tasks.get(task_id)
                if task is not None:
                    plan = Plan()
                    stop_task(plan, task, why)
                    scheduler.executor(self._emit).run(plan)
                remove_rest(scheduler.engine, scheduler.names, task_id)
                return
            except Cancelled:
                return
            except CopilotLocalError as error:
                log.warning("the task %s is not removed yet: %s", task_id[:8], error)

    def _tries(self) -> Iterator[None]:
        delay = AGAIN
        while not self._control.retired.is_set():
            yield
            self._control.retired.wait(delay)
            delay = min(2 * delay, LONGEST)
