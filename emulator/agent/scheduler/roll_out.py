"""Carries a deployment out that a command waits for: tasks that fail are replaced until the circuit breaker trips."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.agent.scheduler.control_lock import ControlLock
from emulator.agent.scheduler.rollout_records import State, of_deployment
from emulator.agent.scheduler.scheduler import Scheduler
from emulator.agent.scheduler.traffic.shift import RollbackAskedError
from emulator.agent.scheduler.traffic.stop_requests import Interruption
from emulator.errors import CopilotLocalError, EngineTimeout, EngineUnavailable, EnvironmentBusy, NotHealthy, TaskError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.health.reasons import Reason
from emulator.runtime.health.watch import hopeless
from emulator.runtime.listeners.front_ports import balanced
from emulator.runtime.planning.reconcile import FRONT, PROVISIONS, Reconciled
from emulator.runtime.state.desired import DesiredService
from emulator.runtime.state.observed import Task, observe
from emulator.runtime.state.operations import TASK_STEADY, Plan, Verb

STOPPED = "its deployment was stopped"
MOST_DELAY = 10.0
"""Seconds between two tries."""


@dataclass(slots=True)
class RollOut:
    """One deployment of `services`, which are claimed. `claimed` grows by what it needs beside. `steady`: tasks beside
    those that run have to become healthy."""

    control: ControlLock
    scheduler: Scheduler
    services: list[str]
    claimed: set[str]
    emit: Emit
    steady: bool
    _errors: dict[str, CopilotLocalError] = field(default_factory=dict, init=False)
    """The last error of each service whose tasks have failed."""

    def run(self, begun: list[str]) -> CopilotLocalError | None:
        """Returns what deployments that `begun` here failed of, once nothing more is to be done; None where none did.
        Raises what no task is to blame for."""
        with self.scheduler.stops.working_on(begun, command=True) as stopped:
            return self._run(begun, stopped)

    def _run(self, begun: list[str], stopped: Interruption) -> CopilotLocalError | None:
        scheduler, tries = self.scheduler, 0
        while True:
            result = self._next(fresh=tries == 0)
            try:
                counted = {name for name in begun if self._is_counted(name)}

                def gives_up(task: Task, counted: set[str] = counted) -> bool:
                    return task.service in counted and scheduler.gives_up(task) is not None

                scheduler.executor(self.emit, self._shift, stopped, gives_up).run(result.plan)
                scheduler.executor(self.emit, None, stopped, gives_up).run(self._until_steady(result))
                return self._failure(begun)
            except CopilotLocalError as error:
                self._blame(error, begun)
            except Cancelled:
                name = scheduler.stops.taken(stopped)
                if name is None:
                    raise
                self._blame(RollbackAskedError(name, STOPPED), begun)
            tries += 1
            delay = 0.0 if tries < 3 else min(2.0 ** (tries - 3), MOST_DELAY)
            self.control.retired.wait(delay * self.scheduler.timeouts.first_trouble)
            self.control.refuse_retired()

    def _shift(self, service: str, emit: Emit, stopping: threading.Event) -> None:
        """Lets requests go over, which may take a day: other services may be deployed meanwhile."""
        with self.control.lock:
            if FRONT in self.claimed:
                self.claimed.discard(FRONT)
                self.control.release({FRONT})
        self.scheduler.shifts.carry_out(service, emit, stopping)

    def _next(self, *, fresh: bool) -> Reconciled:
        """What is to be done now."""
        control, scheduler = self.control, self.scheduler
        with control.lock:
            if FRONT not in self.claimed:
                self.claimed |= control.claim({FRONT})
            observed = observe(scheduler.engine, scheduler.names)
            others = control.busy - self.claimed
            at_once = frozenset(self.services)
            result = scheduler.reconcile(observed, fresh_front_rules=fresh, leave_alone=others, at_once=at_once)
            if scheduler.note_failures(observed, result):
                result = scheduler.reconcile(observed, fresh_front_rules=True, leave_alone=others, at_once=at_once)
            self.claimed |= control.claim({PROVISIONS}) if result.provides else set()
            scheduler.born(result)
        return result

    def _blame(self, error: CopilotLocalError, begun: list[str]) -> None:
        """Finds the tasks that a plan has failed of. Raises the error where none has, or where no circuit breaker
        counts them."""
        if isinstance(error, EngineUnavailable | EngineTimeout | EnvironmentBusy):
            raise error
        scheduler = self.scheduler
        if isinstance(error, RollbackAskedError):
            with self.control.lock:
                self._errors[error.service] = error
                if not scheduler.roll_back(error.service, "" if error.by_user else error.message):
                    raise error
            return
        with self.control.lock:
            failed = dict(self._failed(error))
        if not failed:
            raise error
        for task, reason in failed.values():
            if task.service not in begun or not self._is_counted(task.service):
                raise error
            desired = scheduler.state.services[task.service]
            self._errors[task.service] = error
            count, most = scheduler.rollouts.failures_of(desired)
            counted = f"{count + 1} of {most} failed tasks"
            told = f"{reason} ({'another one takes its place' if scheduler.rollouts.was_healthy(task) else counted})"
            self.emit(Event(EventKind.WARNING, f"{task.service} {task.short_id}", told))

    def _failed(self, error: CopilotLocalError) -> Iterator[tuple[str, tuple[Task, str]]]:
        """The tasks of these services that have failed, and why."""
        scheduler = self.scheduler
        found = [one for one in error.reasons if isinstance(one, Reason)] if isinstance(error, NotHealthy) else []
        final, reasons = hopeless(found), {reason.task_id: reason.text for reason in found}
        for task in observe(scheduler.engine, scheduler.names).service_tasks:
            desired = scheduler.state.services.get(task.service)
            if desired is None or task.service not in self.services or not of_deployment(task, desired):
                continue
            if task.id in scheduler.doomed:
                yield task.id, (task, scheduler.doomed[task.id])
                continue
            if final and task.id in reasons:
                scheduler.doom(task, reasons[task.id])
                yield task.id, (task, reasons[task.id])
                continue
            if self._is_counted(task.service) and (unhealthy := scheduler.gives_up(task)) is not None:
                why = reasons.get(task.id, unhealthy.why)
                scheduler.doom(task, why)
                yield task.id, (task, why)
                continue
            expected = [container.name for container in desired.service.task_definition.container_definitions]
            fault, told = task.fault(expected), scheduler.history.why(task.id)
            if fault and (told or not fault.startswith("container ")):
                yield task.id, (task, told or fault)

    def _is_counted(self, name: str) -> bool:
        """Whether a circuit breaker counts the failed tasks of a service."""
        desired = self.scheduler.state.services[name]
        return desired.service.deployment.breaker.enable and not desired.is_attended

    def _failure(self, begun: list[str]) -> CopilotLocalError | None:
        """What the deployments that have begun here have failed of."""
        scheduler = self.scheduler
        failed = []
        for name in begun:
            now = scheduler.rollouts.state_of(name)
            if now is not None and (now.rolls_back or now.state is State.FAILED):
                after = (
                    f"rolled back to revision {now.revision}" if now.rolls_back else "there is nothing to roll back to"
                )
                failed.append((name, after))
        if not failed:
            return None
        last = next((self._errors[name] for name, _ in failed if name in self._errors), TaskError(""))
        whose = "; ".join(f"the deployment of {name} failed, {after}" for name, after in failed)
        last.message = f"{whose}: {last.message}" if last.message else whose
        return last

    def _until_steady(self, result: Reconciled) -> Plan:
        """Waits for the tasks that a plan has started, as far as nothing of it did: those that checks or targets judge
        only where that is asked for, others for their first moments."""
        plan = Plan()
        awaited = {op.task_id for op in result.plan.operations if op.condition == TASK_STEADY}
        for task_id, service in result.started.items():
            desired = self.scheduler.state.services.get(service)
            if task_id in awaited or desired is None or service not in self.services:
                continue
            if self.steady or not _is_judged(desired):
                plan.add(
                    Verb.AWAIT,
                    task_id[:8],
                    "a new task has to stay",
                    condition=TASK_STEADY,
                    waiting="the deployment",
                    timeout=desired.options.time.wait_timeout,
                    task_id=task_id,
                    title=f"wait until {service} {task_id[:8]} is steady",
                )
        return plan


def _is_judged(desired: DesiredService) -> bool:
    """Whether health checks or a load balancer say how tasks of a service are."""
    checked = any(one.health_check is not None for one in desired.service.task_definition.container_definitions)
    return checked or any(balanced(desired.service))
