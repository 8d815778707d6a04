"""Deployments whose requests go over to new tasks bit by bit: BLUE_GREEN, LINEAR and CANARY.

New tasks run beside the old ones and get no request at first. Once they are steady their part grows as the strategy
says; the old ones stay, without requests, for the bake time, and stop then. At each stage of it a PAUSE hook may wait
for the user. Where a new task fails meanwhile, every request goes to the old ones again.

Source: the ECS developer guide, "Amazon ECS blue/green deployments", "linear" and "canary deployments".
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from emulator.agent.load_balancer.front_monitor import FrontMonitor
from emulator.agent.scheduler.rollout_records import Hook, of_deployment
from emulator.agent.scheduler.rollouts import Rollouts
from emulator.agent.scheduler.unhealthy_tasks import given_up
from emulator.ecs.deployment import LifecycleHook, TrafficShift
from emulator.errors import InputError, TaskError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.state.desired import DesiredService, DesiredState
from emulator.runtime.state.observed import Observed

POLL = 0.25
"""Seconds between two looks at the new tasks."""
BEFORE = ("RECONCILE_SERVICE", "PRE_SCALE_UP", "SCALE_UP")
READY = (
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
)
ACTIONS = ("CONTINUE", "ROLLBACK")


class RollbackAskedError(TaskError):
    """The user of a deployment says so (`by_user`), or a hook was not answered in time."""

    def __init__(self, service: str, message: str, *, by_user: bool = True) -> None:
        super().__init__(message)
        self.service = service
        self.by_user = by_user


@dataclass(eq=False)
class TrafficShifts:
    """Those of an environment. `state` is what is desired, `look` gives the listing; `doom` gives up a task, by id, for
    a reason."""

    state: Callable[[], DesiredState]
    look: Callable[[], Observed]
    front: FrontMonitor
    rollouts: Rollouts
    doom: Callable[[str, str], None]
    _answers: dict[str, str | None] = field(default_factory=dict, init=False)
    """By a service that waits for one."""
    _answered: threading.Condition = field(default_factory=threading.Condition, init=False)

    def keep(self, services: Iterable[str], before: DesiredState) -> None:
        """Every request of these services goes to tasks as they were desired `before`, where a strategy shifts them."""
        for name in services:
            old, new = before.services.get(name), self.state().services.get(name)
            if old is not None and any(one is not None and one.service.deployment.shift for one in (old, new)):
                self.front.share(name, old.accepted_hashes(), 1.0)
            else:
                self.front.shares.forget(name)

    def shift(self, services: Iterable[str]) -> list[TrafficShift]:
        """How requests of these services go over to new tasks, of those for which that is not at once."""
        found = [self.state().services[name].service.deployment.shift for name in services]
        return [shift for shift in found if shift is not None]

    def waits_before(self, services: Iterable[str]) -> bool:
        """Whether one of these deployments has a hook before its new tasks start."""
        hooks = [hook for shift in self.shift(services) for hook in shift.hooks]
        return any(stage in hook.stages for hook in hooks for stage in BEFORE)

    def prepare(self, services: Iterable[str], before: DesiredState, emit: Emit, stopping: threading.Event) -> None:
        """What comes before new tasks of these services start. Raises `RollbackAskedError`."""
        for name in services:
            desired, old = self.state().services[name], before.services.get(name)
            shift = desired.service.deployment.shift
            if shift is not None and old is not None and old.desired_count:
                for stage in BEFORE:
                    self._enter(name, stage, shift, emit, lambda: stopping.wait(POLL))

    def carry_out(self, service: str, emit: Emit, stopping: threading.Event) -> None:
        """Lets the requests of a service go over to its new tasks, which are steady. Raises what keeps them from it,
        and has all of them go to the old ones then."""
        desired = self.state().services[service]
        shift, current = desired.service.deployment.shift, self.rollouts.state_of(service)
        old = {task.config_hash for task in self.look().tasks_of(service) if not of_deployment(task, desired)}
        if shift is None or not old:
            return
        if current is None or current.rolls_back:
            self.front.share(service, old, 0.0)
            return

        def pause() -> bool:
            self._check(desired)
            return stopping.wait(POLL)

        try:
            for stage in READY:
                self._enter(service, stage, shift, emit, pause)
            steps = shift.steps()
            for number, (part, minutes) in enumerate(steps):
                self.front.share(service, old, 1.0 - part)
                self._reach(service, "PRODUCTION_TRAFFIC_SHIFT", emit, part)
                if number == 0:
                    self._ask(service, "PRODUCTION_TRAFFIC_SHIFT", shift, emit, pause)
                if number < len(steps) - 1:
                    self._bake(desired, minutes, emit, pause)
            self._enter(service, "POST_PRODUCTION_TRAFFIC_SHIFT", shift, emit, pause)
            self._reach(service, "BAKE_TIME", emit)
            self._bake(desired, steps[-1][1], emit, pause)
            self._reach(service, "CLEAN_UP", emit)
        except BaseException:
            self.front.share(service, old, 1.0)
            self.rollouts.at(service, "SCALE_UP", part=0.0)
            raise

    def answer(self, service: str, action: str) -> None:
        """What the user says to the hook that a service's deployment waits at. Raises `InputError` where none does."""
        if action not in ACTIONS:
            raise InputError(f"the action is {' or '.join(ACTIONS)}")
        with self._answered:
            if service not in self._answers:
                waiting = ", ".join(sorted(self._answers))
                raise InputError(
                    f"no deployment of {service} waits for an answer",
                    hint=f"one of {waiting} does" if waiting else "`copilot-local ps` says where deployments stand",
                )
            self._answers[service] = action
            self._answered.notify_all()

    def _enter(self, service: str, stage: str, shift: TrafficShift, emit: Emit, pause: Callable[[], bool]) -> None:
        self._reach(service, stage, emit)
        self._ask(service, stage, shift, emit, pause)

    def _reach(self, service: str, stage: str, emit: Emit, part: float | None = None) -> None:
        self.rollouts.at(service, stage, part=part)
        if part is not None:
            emit(Event(EventKind.INFO, service, f"{percent(part)} of the requests go to the new tasks"))

    def _ask(self, service: str, stage: str, shift: TrafficShift, emit: Emit, pause: Callable[[], bool]) -> None:
        for hook in shift.hooks:
            if stage in hook.stages and hook.target == "PAUSE":
                self._await_answer(service, stage, hook, emit, pause)

    def _await_answer(
        self, service: str, stage: str, hook: LifecycleHook, emit: Emit, pause: Callable[[], bool]
    ) -> None:
        until = datetime.now(UTC) + timedelta(minutes=hook.timeout_minutes)
        pending = Hook(str(uuid.uuid4()), until.isoformat(timespec="milliseconds"), hook.on_timeout)
        with self._answered:
            self._answers[service] = None
        self.rollouts.at(service, stage, hook=pending)
        told = f"paused at {stage}: `copilot-local deployment continue {service}` goes on, `… rollback {service}` not"
        emit(Event(EventKind.INFO, service, told))
        try:
            while (action := self._answers[service]) is None and datetime.now(UTC) < until:
                if pause():
                    raise Cancelled
        finally:
            with self._answered:
                self._answers.pop(service, None)
            self.rollouts.at(service, stage, hook=None)
        if action is None and hook.on_timeout == "ROLLBACK":
            minutes = f"{hook.timeout_minutes} min"
            why = f"its PAUSE hook at {stage} was not answered within {minutes}"
            raise RollbackAskedError(service, why, by_user=False)
        if action == "ROLLBACK":
            raise RollbackAskedError(service, f"its PAUSE hook at {stage} was answered with ROLLBACK")

    def _bake(self, desired: DesiredService, minutes: int, emit: Emit, pause: Callable[[], bool]) -> None:
        options = desired.options
        seconds = minutes * 60 if options.timing == "ecs" else min(minutes * 60, options.time.bake_time_cap)
        if seconds:
            short = f" (deployed: {minutes} min)" if seconds < minutes * 60 else ""
            emit(Event(EventKind.INFO, desired.service.name, f"watched for {seconds} s{short}"))
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if pause():
                raise Cancelled

    def _check(self, desired: DesiredService) -> None:
        """Raises `TaskError` where a new task has failed."""
        for task_id, why in self._failing(desired):
            self.doom(task_id, why)
            raise TaskError(f"task {task_id[:8]} failed while requests went over to it: {why}")

    def _failing(self, desired: DesiredService) -> Iterator[tuple[str, str]]:
        observed = self.look()
        unhealthy = given_up(self.state(), observed, self.front.failing_targets(), datetime.now(UTC))
        expected = [container.name for container in desired.service.task_definition.container_definitions]
        for task in observed.tasks_of(desired.service.name):
            why = task.fault(expected) or (unhealthy[task.id].why if task.id in unhealthy else "")
            if why and of_deployment(task, desired):
                yield task.id, why


def percent(part: float) -> str:
    """A part (0 to 1) as people write it."""
    return f"{round(100 * part, 1):g} %"
