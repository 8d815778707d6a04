"""Runs Scheduled Jobs as their state machines would: one task at a time, tried again, within one time limit.

Source: Copilot, state-machine-definition.json.yml in internal/pkg/template/templates/workloads/partials/cf: `Retry` of
every error after 10 s, then 1.5 times as long each time, at most `retries` times; `TimeoutSeconds` of the whole
execution. A run fails where the essential container that ends its task exits with another code than 0.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from emulator.agent.scheduler.control_lock import ControlLock
from emulator.agent.scheduler.history import ESSENTIAL_EXITED, Stop
from emulator.agent.scheduler.one_off_tasks import OneOffs, OneOffTasks
from emulator.agent.scheduler.recovery import LOST
from emulator.agent.scheduler.scheduler import Scheduler
from emulator.ecs.identity import new_task_id
from emulator.errors import CopilotLocalError
from emulator.events import Emit
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.planning.one_off import Ends, as_one_off
from emulator.runtime.planning.start_plan import start_task
from emulator.runtime.specs.task import task_factory
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService, DesiredState, Private
from emulator.runtime.state.observed import Observed, Task
from emulator.runtime.state.operations import Plan

log = logging.getLogger(__name__)

FIRST_DELAY = 10.0
"""Seconds before the second try."""
BACK_OFF = 1.5
LOOK = 5.0
"""Seconds between two looks at a task of which no event comes."""
SOON = 0.5
"""The same while a container of it may be started again."""
KEPT_RUNS = 20
"""Of each job, the last ones."""

Status = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
"""Of an execution, in the words of Step Functions."""


@dataclass(slots=True)
class JobRun:
    """One execution of a job."""

    job: str
    id: str
    started: datetime
    status: Status = "RUNNING"
    ended: datetime | None = None
    tries: int = 0
    exit_code: int | None = None
    """Of the last try; None where no container exited."""
    cause: str = ""
    """Why it failed, in words."""
    tasks: list[str] = field(default_factory=list)
    waits: float = 0
    """Seconds that it waits between the last try and the next; 0 while a task runs."""

    def as_plain(self) -> dict[str, Any]:
        """The run as what JSON can hold."""
        return {
            "id": self.id,
            "status": self.status,
            "started": self.started.isoformat(timespec="milliseconds"),
            "ended": self.ended.isoformat(timespec="milliseconds") if self.ended else None,
            "tries": self.tries,
            "exit_code": self.exit_code,
            "cause": self.cause,
            "tasks": list(self.tasks),
        }


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a run is made from: the definition as it was when the run began."""

    desired: DesiredService
    state: DesiredState
    private: Private
    lost: bool
    """Its private values are nowhere any more."""

    @property
    def name(self) -> str:
        return self.desired.service.name

    @property
    def containers(self) -> list[str]:
        return [container.name for container in self.desired.service.task_definition.container_definitions]


@dataclass(eq=False)
class JobRuns:
    """The runs of an environment's jobs. `clock` gives seconds, a task that has ended stays for `linger` seconds,
    `emit` hears of tasks, and `spawn` carries a run out beside the caller."""

    control: ControlLock
    scheduler: Scheduler
    one_offs: OneOffs
    clock: Callable[[], float]
    linger: float
    emit: Emit
    spawn: Callable[[Callable[[], None]], None]
    _runs: dict[str, deque[JobRun]] = field(default_factory=dict, init=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False)
    _looks: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._tasks = OneOffTasks(self.control, self.scheduler, self.emit)

    def start(self, name: str) -> JobRun:
        """Starts a run of a job that is part of the desired state. The lock is held."""
        run = JobRun(name, str(uuid.uuid4()), datetime.now(UTC))
        self._begin_run(run)
        return run

    def adopt(self, observed: Observed) -> None:
        """Goes on with the runs that were under way when the agent was started again. The lock is held."""
        scheduler = self.scheduler
        ours = {run.id for runs in self._runs.values() for run in runs}
        found = [task for task in observed.job_tasks if _run_of(task)[0] not in ours]
        newest = {
            run_id: task
            for run_id, _, task in sorted(((*_run_of(task), task) for task in found), key=lambda one: one[:2])
        }
        for task in found:
            run_id, tries = _run_of(task)
            if newest[run_id] is not task or task.service not in scheduler.state.services:
                self.spawn(partial(self._remove_later, task.id, 0.0))
                continue
            row = task.pause or next(iter(task.members.values())).container
            self._begin_run(JobRun(task.service, run_id, row.created, tries=tries, tasks=[task.id]), task.id)

    def _begin_run(self, run: JobRun, adopted: str = "") -> None:
        scheduler = self.scheduler
        subject = _Subject(scheduler.service(run.job), scheduler.state, scheduler.private, run.job in scheduler.lost)
        self._runs.setdefault(run.job, deque(maxlen=KEPT_RUNS)).append(run)
        self._tell(subject, run)
        self.spawn(lambda: self._execute(subject, run, adopted))

    def of(self, name: str) -> list[JobRun]:
        """The last runs of a job, oldest first."""
        return list(self._runs.get(name, ()))

    def wake(self) -> None:
        """A container of the environment has changed its state."""
        with self._changed:
            self._looks += 1
            self._changed.notify_all()

    def _execute(self, subject: _Subject, run: JobRun, adopted: str) -> None:
        schedule = subject.desired.service.schedule
        assert schedule is not None
        passed = (datetime.now(UTC) - run.started).total_seconds() if adopted else 0
        deadline = self.clock() + schedule.timeout - passed if schedule.timeout else None
        try:
            with self.one_offs.attending(subject.desired, subject.private):
                run.status = self._try_until(subject, run, schedule.retries or 0, deadline, adopted)
        except Cancelled:
            run.status, run.cause = "ABORTED", "the environment was taken down"
        except Exception as error:  # a run never ends the agent
            run.status, run.cause = "FAILED", f"{error}"
            log.exception("a run of %s failed", subject.name)
        run.ended = datetime.now(UTC)
        level = logging.INFO if run.status == "SUCCEEDED" else logging.WARNING
        log.log(level, "%s: its run has ended: %s%s", run.job, run.status, f" ({run.cause})" if run.cause else "")
        self._tell(subject, run)

    def _try_until(self, subject: _Subject, run: JobRun, retries: int, deadline: float | None, adopted: str) -> Status:
        delay = FIRST_DELAY * BACK_OFF ** max(0, run.tries - 1)
        while True:
            run.tries += 0 if adopted else 1
            status = self._try_once(subject, run, deadline, adopted)
            adopted = ""
            if status != "FAILED" or run.tries > retries:
                return status
            if self._pause(run, delay, deadline):
                run.cause = _timed_out(subject)
                return "TIMED_OUT"
            delay *= BACK_OFF

    def _pause(self, run: JobRun, delay: float, deadline: float | None) -> bool:
        """Waits before the next try; returns whether the time of the whole run is over by then."""
        end = self.clock() + delay
        until = end if deadline is None else min(end, deadline)
        run.waits = delay
        while True:
            seen = self.looks
            if self.control.retired.is_set():
                raise Cancelled
            if (left := until - self.clock()) <= 0:
                break
            self.wait_for_look(seen, left)
        run.waits = 0
        return deadline is not None and deadline <= end

    def _try_once(self, subject: _Subject, run: JobRun, deadline: float | None, adopted: str) -> Status:
        """Runs one task to its end, a new one unless one is `adopted`."""
        if subject.lost and not adopted:
            run.cause, run.exit_code = LOST, None
            return "FAILED"
        task_id = adopted or new_task_id()
        if not adopted:
            run.tasks.append(task_id)
        linger = 0.0
        try:
            if not adopted:
                self._start(subject, run, task_id)
            status = self._wait(subject, run, task_id, deadline)
            linger = 0.0 if status == "TIMED_OUT" else self.linger
            return status
        except Cancelled:
            raise
        except CopilotLocalError as error:
            run.cause, run.exit_code = error.message, None
            return "FAILED"
        finally:
            self.spawn(lambda: self._remove_later(task_id, linger))

    def _remove_later(self, task_id: str, linger: float) -> None:
        """Removes a task once those who follow its lines had the time to see it: they look twice a second."""
        if not self.control.retired.wait(linger):
            self._tasks.remove(task_id, "the run has ended")

    def _start(self, subject: _Subject, run: JobRun, task_id: str) -> None:
        factory = task_factory(subject.state, subject.private, self.scheduler.engine)
        task = as_one_off(factory.task(subject.desired, task_id), {names.JOB_RUN: f"{run.id}/{run.tries}"})
        plan = Plan()
        start_task(plan, subject.state, task, "its schedule")
        self.scheduler.executor(self.emit).run(plan)

    def _wait(self, subject: _Subject, run: JobRun, task_id: str, deadline: float | None) -> Status:
        scheduler, ends = self.scheduler, Ends(self.clock)
        while True:
            seen = self.looks
            task = self._tasks.find(task_id)
            if task is None:
                run.cause, run.exit_code = "its task was removed", None
                return "FAILED"
            if (ended := ends.by(task)) is not None:
                run.exit_code = ended.container.exit_code
                scheduler.history.stopping(task_id, Stop(*ESSENTIAL_EXITED))
                if run.exit_code == 0:
                    run.cause = ""
                    return "SUCCEEDED"
                how = "was removed" if run.exit_code is None else f"exited with code {run.exit_code}"
                run.cause = f"{ended.name} {how}"
                return "FAILED"
            if not ends.open and (fault := self._tasks.fault(task, subject.containers)):
                run.cause, run.exit_code = fault, None
                scheduler.history.stopping(task_id, Stop(*ESSENTIAL_EXITED))
                return "FAILED"
            left = LOOK if deadline is None else deadline - self.clock()
            if left <= 0:
                run.cause, run.exit_code = _timed_out(subject), None
                scheduler.history.stopping(task_id, Stop("UserInitiated", run.cause))
                return "TIMED_OUT"
            self.wait_for_look(seen, min(SOON if ends.open else LOOK, left))

    @property
    def looks(self) -> int:
        """How often a container of the environment has changed its state."""
        with self._changed:
            return self._looks

    def wait_for_look(self, seen: int, seconds: float) -> None:
        """Until one has changed since `seen`, or that long."""
        with self._changed:
            self._changed.wait_for(lambda: self._looks != seen, timeout=seconds)

    def _tell(self, subject: _Subject, run: JobRun) -> None:
        """Records Step Functions' event of a changed execution.

        Source: the Step Functions developer guide, "Step Functions Execution Status Change".
        """
        options, service = subject.desired.options, subject.desired.service
        machine = f"{service.app}-{subject.state.environment}-{service.name}"
        prefix = f"arn:aws:states:{options.region}:{options.account}"
        execution = f"{prefix}:execution:{machine}:{run.id}"
        detail: dict[str, Any] = {
            "executionArn": execution,
            "stateMachineArn": f"{prefix}:stateMachine:{machine}",
            "name": run.id,
            "status": run.status,
            "startDate": _milliseconds(run.started),
            "stopDate": _milliseconds(run.ended) if run.ended else None,
        }
        if run.cause:
            detail["error"] = "States.Timeout" if run.status == "TIMED_OUT" else "States.TaskFailed"
            detail["cause"] = run.cause
        self.scheduler.history.record(
            {
                "detail-type": "Step Functions Execution Status Change",
                "source": "aws.states",
                "account": options.account,
                "region": options.region,
                "time": (run.ended or run.started).isoformat(timespec="milliseconds"),
                "resources": [execution],
                "detail": detail,
            }
        )


def _run_of(task: Task) -> tuple[str, int]:
    """The id of the run that a task belongs to, and which of its tries it is."""
    run_id, _, tries = task.job_run.partition("/")
    return run_id, int(tries)


def _timed_out(subject: _Subject) -> str:
    schedule = subject.desired.service.schedule
    return f"it ran longer than its timeout of {schedule.timeout if schedule else 0} s, retries included"


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
