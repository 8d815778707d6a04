"""What should run in an environment, and what has to be done for it: the service scheduler of ECS."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emulator.agent.load_balancer.front_monitor import FrontMonitor
from emulator.agent.scheduler.back_off import BackOff
from emulator.agent.scheduler.event_log import log_event
from emulator.agent.scheduler.history import (
    ESSENTIAL_EXITED,
    STOPPING_VERBS,
    Stop,
    TaskHistory,
    start_failure,
    stop_for,
)
from emulator.agent.scheduler.recovery import LOST, Leftovers, recover_private
from emulator.agent.scheduler.rollouts import Rollouts
from emulator.agent.scheduler.state_file import StateFile
from emulator.agent.scheduler.timeouts import Timeouts
from emulator.agent.scheduler.traffic.shift import TrafficShifts
from emulator.agent.scheduler.traffic.stop_requests import StopRequests
from emulator.agent.scheduler.unhealthy_tasks import Unhealthy, given_up, judged
from emulator.engine.interface import Engine, Health
from emulator.errors import CopilotLocalError, InputError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.execution.archive_output import Store
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.execution.executor import Executor, Shift
from emulator.runtime.health.reasons import CheckResult
from emulator.runtime.health.watch import Known
from emulator.runtime.listeners.front_ports import balanced
from emulator.runtime.planning.reconcile import Reconciled, reconcile
from emulator.runtime.planning.stop_plan import stop_ahead
from emulator.runtime.specs.connect.endpoints import EndpointFiles
from emulator.runtime.specs.load_balancer import front_specs
from emulator.runtime.specs.service_connect import ServiceConnect
from emulator.runtime.specs.task import TaskFactory, task_factory
from emulator.runtime.state.desired import DesiredService, DesiredState, Private
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed, Task, observe
from emulator.service_connect.envoy import FOLDER
from emulator.spelling import closest

log = logging.getLogger(__name__)

DRAINED = "its stop had begun, and its proxy takes no new connection any more"


class Scheduler:
    """Holds the desired state, and compares it with what runs. It carries nothing out and never waits: the caller that
    changes something holds `ControlLock.lock`. `clock` gives seconds; `cancelled` ends what its executors do; `checks`
    are the results of container health checks by container id."""

    def __init__(
        self,
        engine: Engine,
        state_file: Path,
        front: FrontMonitor,
        timeouts: Timeouts,
        clock: Callable[[], float],
        cancelled: threading.Event,
        checks: Callable[[], Mapping[str, CheckResult]],
    ) -> None:
        self._checks = checks
        self.engine = engine
        self._file = StateFile(state_file)
        self.state = self._file.read()
        self.written = True
        """Whether a restarted agent would know what this one knows."""
        self.names = Names(self.state.app, self.state.environment)
        self.private = Private()
        self.lost: set[str] = set()
        """Services whose private values are nowhere any more: their tasks are not replaced."""
        self.front = front
        self.front.use(self.state)
        self.front.refresh()
        files = EndpointFiles(Path(FOLDER), self.names, lambda: self.state)
        self.connect = ServiceConnect(engine, self.names, files, lambda: self.state)
        self.store: Store | None = None
        """What writes into the log store, if anything does: what containers printed that are removed."""
        self.history = TaskHistory()
        self.back_off = BackOff(timeouts.healthy_life, timeouts.longest_delay)
        self._clock = clock
        self._cancelled = cancelled
        self.stops = StopRequests(cancelled)
        file = state_file.with_name("deployments.json")
        self.rollouts = Rollouts(clock, timeouts.settle, self.history.record, file)
        if self.state.acting:
            self.rollouts.adopt(self.state)
        self.left = Leftovers()
        self.doomed: dict[str, str] = {}
        """Tasks that a deployment has given up, by id, and why."""
        self._unhealthy: dict[str, Unhealthy] = {}
        """Those of them that are unhealthy, and others."""
        self._late: dict[str, Stop] = {}
        """Tasks that are to stop once others are steady, by id, and why."""
        self.shifts = TrafficShifts(
            lambda: self.state, lambda: observe(engine, self.names), front, self.rollouts, self.doomed_by
        )
        self.timeouts = timeouts
        self._last_failure: dict[str, tuple[str, str]] = {}
        """By service: the task, and why it did not stay."""

    def begin(self, state: DesiredState) -> None:
        """Takes a desired state that a command brings up first. Raises `TaskError` where the volume has no room."""
        self._file.write(state)
        self.state = state
        self.rollouts.begin(state, state.services)

    def recover_private(self) -> None:
        """Takes the private values back from the containers, after a restart of the agent."""
        self.private, self.lost = recover_private(self.engine, self.state, observe(self.engine, self.names))
        for service in self.lost:
            log.error("%s: %s", service, LOST)
        targets = self.rollouts.targets()
        good = self.state.model_copy(update={"services": targets})
        self.rollouts.give_back(*recover_private(self.engine, good, observe(self.engine, self.names), exact=True))

    def service(self, name: str) -> DesiredService:
        """What is desired of one service. Raises `InputError` where it does not run here."""
        if name not in self.state.services:
            raise InputError(f"{name} does not run here", hint=self._meant_service(name))
        return self.state.services[name]

    def _meant_service(self, name: str) -> str:
        """What was meant by the name of a service that does not run: perhaps one of its containers."""
        services = ", ".join(self.state.services) or "none"
        for service, desired in self.state.services.items():
            if name in [container.name for container in desired.service.task_definition.container_definitions]:
                return f"{name} is a container of {service}: name the service; services that run: {services}"
        meant = closest(name, self.state.services)
        return f"{f'did you mean {meant}? ' if meant else ''}services that run: {services}"

    def factory(self) -> TaskFactory:
        """Makes tasks as they are desired now."""
        return task_factory(self.state, self.private, self.engine)

    def reconcile(
        self,
        observed: Observed,
        *,
        leave_alone: AbstractSet[str],
        fresh_front_rules: bool = False,
        at_once: AbstractSet[str] = frozenset(),
    ) -> Reconciled:
        """What has to be done so that everything but `leave_alone` runs as desired. The tasks of `at_once` services are
        replaced without delay."""
        waiting = [name for name in self.back_off.held_back(self._clock()) if name not in at_once]
        self.doomed = {task: reason for task, reason in self.doomed.items() if task in observed.tasks}
        drained = [
            task for task in observed.service_tasks if task.proxy is not None and self.connect.is_leaving(task.id)
        ]
        self.doomed |= {task.id: DRAINED for task in drained if task.service not in leave_alone}
        unhealthy = given_up(self.state, observed, self.front.failing_targets(), datetime.now(UTC))
        self._unhealthy = {task: why for task, why in self._unhealthy.items() if task in self.doomed} | unhealthy
        result = reconcile(
            self.factory(),
            observed,
            front_specs(self.state),
            network_exists=True,
            fresh_front_rules=fresh_front_rules,
            held_back=[*self.lost, *waiting, *self.rollouts.stalled()],
            unhealthy={**self.doomed, **{task: why.reason for task, why in self._unhealthy.items()}},
            leave_alone=leave_alone,
        )
        # A task that was to stop once its replacement is steady stays where the deployment was rolled back.
        spared = {
            task.id
            for task in observed.service_tasks
            if task.service not in leave_alone and task.id not in result.stopped
        }
        self.history.spare(spared)
        self.front.spare(spared)
        self.connect.spare(spared)
        self._late = {task: stop for task, stop in self._late.items() if task not in spared and task in observed.tasks}
        return result

    def born(self, result: Reconciled) -> None:
        """The tasks that this plan starts are started now."""
        self.back_off.born(result.started, self._clock())

    def note_failures(self, observed: Observed, result: Reconciled) -> bool:
        """Tells the history why tasks stop, and the deployments which of theirs have failed. Returns whether a service
        is held back or rolled back from now on."""
        now = self._clock()
        held_back = False
        for task_id, reason in result.stopped.items():
            task = observed.tasks[task_id]
            log.info("task %s of %s stops: %s", task.short_id, task.service, reason)
            self.history.meet(task, self.state, self.rollouts.deployment_id(task))
            # What was still to be started when a plan ended is no fault of the task's own.
            failed = task_id in result.broken and (not reason.startswith("container ") or self.history.why(task_id))
            unhealthy = self._unhealthy.get(task_id)
            if unhealthy is not None and not self.history.is_stopping(task_id):
                self.rollouts.unhealthy(task.service, unhealthy.event)
            if task_id in result.late and not self.history.is_stopping(task_id):
                self._late[task_id] = stop_for(reason)
            else:
                self.history.stopping(task_id, stop_for(reason))
            held_back = self.back_off.died(task.service, task_id, now) or held_back
            told = self.history.why(task_id) or reason
            words = reason if told == ESSENTIAL_EXITED[1] else unhealthy.why if unhealthy is not None else told
            why = self.doomed.get(task_id, self.history.with_memory(task_id, words))
            self._last_failure[task.service] = (task_id, why)
            desired = self.state.services.get(task.service)
            if failed and desired is not None and self.rollouts.failed(desired, task, why):
                self._give_up(desired)
                held_back = True
        return held_back

    def doomed_by(self, task_id: str, why: str) -> None:
        """A task is given up, and replaced."""
        self.doomed = {**self.doomed, task_id: why}

    def gives_up(self, task: Task) -> Unhealthy | None:
        """Why the service scheduler replaces a task now, where it is unhealthy."""
        desired = self.state.services.get(task.service)
        if desired is None:
            return None
        return judged(desired, task, self.front.failing_targets().get(task.id), datetime.now(UTC))

    def doom(self, task: Task, why: str) -> None:
        """A task is given up, and replaced: by what is said of it to people, or as it is found unhealthy."""
        if (unhealthy := self.gives_up(task)) is not None:
            self._unhealthy[task.id] = unhealthy
        self.doomed_by(task.id, why)

    def roll_back(self, name: str, why: str = "") -> bool:
        """The deployment of a service is rolled back for a reason, else because its user says so; returns whether there
        is anything to go back to."""
        desired = self.state.services[name]
        self.rollouts.fail(name, why)
        return self._give_up(desired, asked=True)

    def _give_up(self, desired: DesiredService, *, asked: bool = False) -> bool:
        """A deployment has failed: the last one that succeeded takes its place, where there is one and the circuit
        breaker rolls back, or that is `asked`. Returns whether it does."""
        name, target = desired.service.name, self.rollouts.target_of(desired, asked=asked)
        log.warning("%s: the deployment of revision %s has failed", name, desired.revision)
        if target is None:
            return False
        before = self.state.model_copy(update={"services": {**self.state.services, name: target.desired}})
        self.shifts.keep([name], before)
        self.state = before
        self.private = target.private(self.private)
        self.front.use(self.state, self.private.certificates)
        self.back_off.forgive([name])
        self.rollouts.roll_back(target.desired, self.state.cluster)
        self.written = False
        return True

    def look(self, observed: Observed) -> None:
        """Brings the deployments up to date with the listing."""
        self.rollouts.look(self.state, observed, self._is_healthy, self.private)

    def _is_healthy(self, task: Task, desired: DesiredService) -> bool | None:
        """Whether a task is healthy by all that judges it; None where nothing does."""
        expected = [container.name for container in desired.service.task_definition.container_definitions]
        members = task.members.values()
        if task.fault(expected) or any(member.essential and not member.running for member in members):
            return False
        checked = [m.container.health for m in members if m.essential and m.container.health is not Health.NONE]
        if any(health is not Health.HEALTHY for health in checked):
            return False
        if any(balanced(desired.service)):
            return self.front.task_healthy(task.id)
        return True if checked else None

    def executor(
        self,
        emit: Emit,
        shift: Shift | None = None,
        cancelled: threading.Event | None = None,
        gives_up: Callable[[Task], bool] = lambda _: False,
    ) -> Executor:
        """Carries out plans of this environment; the history hears of starts that fail. `shift` lets requests go over
        to new tasks. `cancelled`: what ends it, in place of the environment's own. `gives_up`: whether a task that is
        awaited is replaced instead."""

        def note(event: Event) -> None:
            self.left.note(event)
            if event.kind is EventKind.STEP_STARTED and str(event.fields["operation"]) in STOPPING_VERBS:
                with contextlib.suppress(KeyError):
                    task_id = str(event.fields["task"])
                    self.history.stopping(task_id, self._late.pop(task_id))
            if event.kind is EventKind.STEP_FAILED and (task_id := str(event.fields["task"])):
                stop = start_failure(str(event.fields["operation"]), event.message)
                if stop is not None and not event.fields["task_goes_on"]:
                    self.history.stopping(task_id, stop)
            emit(event)

        return Executor(
            self.engine,
            self.names,
            self.front,
            note,
            cancelled=cancelled or self._cancelled,
            target_healthy=self.front.task_healthy,
            drain_image=self.state.agent_image,
            connect=self.connect,
            known=self.known,
            first_moments=self.timeouts.first_moments,
            shift=shift or self.shifts.carry_out,
            gives_up=gives_up,
            store=self.store,
        )

    def stop_ahead(self, timeout: int | None, abandoned: threading.Event, tell: Callable[[list[str]], object]) -> None:
        """Stops everything for a `down`, until that is `abandoned`; `tell` hears once of the containers that it stops.
        What goes wrong is left to the command, which stops what still runs."""
        try:
            plan = stop_ahead(observe(self.engine, self.names), timeout=timeout)
        except CopilotLocalError as error:
            log.info("tasks are not stopped ahead: %s", error)
            tell([])
            return
        tell([operation.subject for operation in plan.operations])
        try:
            Executor(self.engine, self.names, None, log_event, cancelled=abandoned, keep_output=False).run(plan)
        except Cancelled:
            pass
        except CopilotLocalError as error:
            log.info("tasks were not stopped ahead: %s", error)

    def known(self) -> Known:
        """What there is to say of the health of tasks."""
        return Known(self.state, self.front.targets(), self._checks())

    def remember(self) -> None:
        """Writes down that the agent is in charge, and of what. Where the volume has no room it goes on all the same:
        `written` says that it is to be tried again."""
        self.state.acting = True
        try:
            self._file.write(self.state)
            self.written = True
        except CopilotLocalError as error:
            log.warning("%s", error)
            self.written = False

    @contextlib.contextmanager
    def remembering(self) -> Iterator[Callable[[], None]]:
        """Within this block a deployment is carried out, at whose end the state is kept by calling what is given.

        Raises `TaskError` where the volume has no room for it, before anything is done.
        """
        state = self.state.model_copy(update={"acting": True})
        with self._file.ahead(state) as new:

            def keep() -> None:
                self._file.keep(new, state)
                self.state.acting = self.written = True

            yield keep

    def status(self) -> dict[str, Any]:
        """What is known of each service that the listing does not show."""
        now = self._clock()
        failures = {name: self.back_off.failures(name, now) for name in self.state.services}
        return {
            name: {
                "desired_count": desired.desired_count,
                "revision": desired.revision,
                "hash": desired.config_hash(),
                # As many as `ps -a` lists: the first of them may have lived for long.
                "failed_starts": max(failures[name], self.history.failed_in_a_row(name)) if failures[name] else 0,
                # The event of its end may come after the listing that showed it.
                "last_failure": self.history.with_memory(*self._last_failure.get(name, ("", "")))
                if failures[name]
                else "",
                "failure": LOST if name in self.lost else "",
                "deployment": self.rollouts.summary(desired),
            }
            for name, desired in self.state.services.items()
        }
