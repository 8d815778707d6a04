"""Waits until what a plan awaits holds, or is seen never to hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from emulator.engine.interface import Health
from emulator.errors import TaskError
from emulator.runtime.execution.context import POLL, Execution
from emulator.runtime.health.container_failure import container_failed
from emulator.runtime.health.early import judged_task
from emulator.runtime.health.reasons import Reason
from emulator.runtime.health.watch import HealthWatch, Known, hopeless
from emulator.runtime.listeners.front_ports import balanced
from emulator.runtime.planning.dependencies import (
    TIMED_OUT,
    UNSUCCESSFUL,
    NeverStarts,
    failed_for_good,
    holds,
    waits_for_ever,
)
from emulator.runtime.specs.restart import may_restart
from emulator.runtime.state.observed import Member, Task
from emulator.runtime.state.operations import TASK_STEADY, Operation

HEALTH_CONDITIONS = (TASK_STEADY, "HEALTHY")
"""Conditions that health checks decide."""


class ConditionWaiter:
    """Awaits conditions of containers and of whole tasks. `target_healthy` is what the front says of a task; without it
    the containers' own health decides. `known` is what the agent knows of their health. A task that nothing judges is
    steady once its essential containers have run for `first_moments` seconds without an end.
    `gives_up`: whether a task is to be replaced instead."""

    def __init__(
        self,
        execution: Execution,
        target_healthy: Callable[[str], bool] | None,
        known: Callable[[], Known | None] = lambda: None,
        first_moments: float = 0.0,
        gives_up: Callable[[Task], bool] = lambda _: False,
    ) -> None:
        self._execution = execution
        self.engine = execution.engine
        self.target_healthy = target_healthy
        self._known = known
        self._first_moments = first_moments
        self._gives_up = gives_up

    def wait(self, operation: Operation) -> None:
        """Returns once it holds. Raises `NeverStarts` where it never will, `TaskError` where it takes too long or the
        task has to stop meanwhile, `Cancelled`."""
        began, steady_since = time.monotonic(), 0.0
        watch = HealthWatch(self.engine, self._execution.emit)
        while True:
            known = self._known() if operation.condition in HEALTH_CONDITIONS else None
            task = self._execution.task(operation.task_id)
            if task is not None and known is not None:
                task = judged_task(task, known.checks)
            if task is not None and self._holds(operation, task):
                steady_since = steady_since or time.monotonic()
                if not self._is_young(operation, task, time.monotonic() - steady_since):
                    return
            reasons = watch.reasons([task], known) if task is not None and known is not None else []
            if operation.condition != TASK_STEADY:
                awaited = _awaited(operation, task)
                reasons = [reason for reason in reasons if awaited is not None and reason.container == awaited.name]
            waited = time.monotonic() - began
            if operation.condition == TASK_STEADY and task is not None and (hopeless(reasons) or self._gives_up(task)):
                raise watch.error(reasons, [task], waited, given_up=True)
            if waited > operation.timeout:
                raise self._too_late(operation, task, watch, reasons)
            self._execution.pause(POLL)

    def _too_late(
        self, operation: Operation, task: Task | None, watch: HealthWatch, reasons: Sequence[Reason]
    ) -> Exception:
        """What to raise where a condition does not hold in time."""
        error: TaskError
        if task is not None and reasons:
            error = watch.error(reasons, [task], operation.timeout, given_up=False)
        else:
            error = TaskError(
                f"{operation.waiting} waited {operation.timeout} s for {operation.subject} to be {operation.condition}",
                hint="look at its log: copilot-local logs",
            )
        member = _awaited(operation, task)
        if member is None:
            return error
        error.message = f"{operation.waiting} waited for {member.name} to be {operation.condition}: {error.message}"
        return NeverStarts(operation.waiting, TIMED_OUT.format(member.name, operation.waiting), error)

    def _holds(self, operation: Operation, task: Task) -> bool:
        """Whether an awaited condition holds; raises `NeverStarts` where it never will, and `TaskError` where the task
        has to stop meanwhile."""
        if operation.condition == TASK_STEADY:
            return self._steady(task)
        member = _awaited(operation, task)
        if member is None:
            return False
        if holds(operation.condition, member):
            return True
        if failed_for_good(operation.condition, member):
            error = container_failed(self.engine, member, f"{operation.waiting} needs it to succeed")
            raise NeverStarts(operation.waiting, UNSUCCESSFUL.format(member.name, operation.waiting), error)
        self._refuse_broken(task)
        if waits_for_ever(operation.condition, member):
            error = container_failed(
                self.engine, member, f"{operation.waiting} needs it to be healthy, and stays PENDING as on ECS"
            )
            self._execution.warn(f"{task.service} {task.short_id}", error.message)
            raise NeverStarts(operation.waiting, None, error)
        return False

    def _refuse_broken(self, task: Task) -> None:
        """Raises what ends a task, where something does. A container that is only being made anew does not."""
        dead = [m for m in task.members.values() if m.essential and m.ended]
        for member in dead:
            if member.container.exit_code is not None and not may_restart(member):
                raise container_failed(self.engine, member, "it is essential, so its task stops")
        if not dead and (reason := task.fault(())):
            raise TaskError(f"task {task.short_id}: {reason}")

    def _steady(self, task: Task) -> bool:
        self._refuse_broken(task)
        if any(member.container.health is not Health.HEALTHY for member in _judging(task)):
            return False
        return self.target_healthy is None or not self._has_targets(task) or self.target_healthy(task.id)

    def _is_young(self, operation: Operation, task: Task, seconds: float) -> bool:
        """Whether a task that was seen to run for so long may end yet, as one does that lacks a setting."""
        if operation.condition != TASK_STEADY or seconds >= self._first_moments:
            return False
        return not _judging(task) and (self.target_healthy is None or not self._has_targets(task))

    def _has_targets(self, task: Task) -> bool:
        """Whether a load balancer has a say about the task; so it is where nothing is known of it."""
        known = self._known()
        desired = known.state.services.get(task.service) if known is not None else None
        return desired is None or any(balanced(desired.service))


def _awaited(operation: Operation, task: Task | None) -> Member | None:
    """The container whose condition is awaited."""
    members = task.members.values() if task is not None else ()
    return next((member for member in members if member.container.name == operation.subject), None)


def _judging(task: Task) -> list[Member]:
    """The containers whose health is their task's: the essential ones that have a check."""
    return [one for one in task.members.values() if one.essential and one.container.health is not Health.NONE]
