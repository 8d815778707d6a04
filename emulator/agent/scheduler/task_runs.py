"""Tasks that RunTask starts: each runs by itself to its end, and no service replaces it.

Source: the ECS API reference (RunTask), and an answer of it that was recorded on AWS.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from emulator.agent.scheduler.control_lock import ControlLock
from emulator.agent.scheduler.deployments import completed
from emulator.agent.scheduler.history import ESSENTIAL_EXITED, Stop
from emulator.agent.scheduler.job_runs import LOOK, SOON, JobRuns
from emulator.agent.scheduler.one_off_tasks import OneOffs, OneOffTasks
from emulator.agent.scheduler.scheduler import Scheduler
from emulator.errors import CopilotLocalError
from emulator.events import Emit
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.planning.one_off import Ends, as_one_off
from emulator.runtime.planning.start_plan import start_task
from emulator.runtime.specs.task import TaskSpec, task_factory
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService, DesiredState, Private
from emulator.runtime.state.observed import Observed
from emulator.runtime.state.operations import Plan

log = logging.getLogger(__name__)

LOST = Stop("TaskFailedToStart", "ResourceInitializationError: the agent ended before the task was started")


@dataclass(eq=False)
class TaskRuns:
    """The tasks of an environment that run by themselves. `spawn` carries each out beside the caller, `emit` hears of
    it, and one that has ended stays for `linger` seconds."""

    control: ControlLock
    scheduler: Scheduler
    one_offs: OneOffs
    jobs: JobRuns
    linger: float
    emit: Emit
    spawn: Callable[[Callable[[], None]], None]
    _ours: set[str] = field(default_factory=set, init=False)
    """The ids of the tasks that this agent has started."""

    def __post_init__(self) -> None:
        self._tasks = OneOffTasks(self.control, self.scheduler, self.emit)

    def start(self, desired: DesiredService, private: Private, tasks: Sequence[str], told: str) -> None:
        """Starts tasks of these ids; they are known at once. `told` is JSON of what DescribeTasks says of them that
        their definition does not. Private values that are not given are the service's of that name."""
        scheduler = self.scheduler
        with self.control.lock:
            self.control.refuse_held()
            state = scheduler.state
            alone = state.model_copy(update={"services": {desired.service.name: desired}})
            private = completed(private, alone, scheduler.private)
            with_it = state.model_copy(update={"services": {**state.services, **alone.services}})
            factory = task_factory(with_it, scheduler.private.updated(private), scheduler.engine)
            self._ours.update(tasks)
            specs = [as_one_off(factory.task(desired, one), {names.RUN_TASK: told}) for one in tasks]
            for spec in specs:
                scheduler.history.announce(spec.identity.task_id, desired, spec.pause.labels, state)
        for spec in specs:
            self.spawn(partial(self._run, spec, with_it, desired, private))

    def adopt(self, observed: Observed) -> None:
        """Goes on with the tasks that ran when the agent was started again. The lock is held."""
        for task in observed.tasks.values():
            row = task.pause or next(iter(task.members.values())).container
            if names.RUN_TASK in row.labels and task.id not in self._ours:
                self.spawn(partial(self._to_its_end, task.id))

    def _run(self, spec: TaskSpec, state: DesiredState, desired: DesiredService, private: Private) -> None:
        scheduler, task_id = self.scheduler, spec.identity.task_id
        with self.one_offs.attending(desired, private):
            try:
                plan = Plan()
                start_task(plan, state, spec, "RunTask")
                scheduler.executor(self.emit).run(plan)
            except Cancelled:
                return
            except CopilotLocalError as error:
                scheduler.history.stopping(task_id, Stop("TaskFailedToStart", error.message))  # unless it is known
            except Exception:  # a task never ends the agent
                log.exception("the task %s was not started", task_id[:8])
                scheduler.history.stopping(task_id, LOST)
            self._to_its_end(task_id, [member.definition.name for member in spec.members])

    def _to_its_end(self, task_id: str, expected: Sequence[str] = ()) -> None:
        """`expected`: the containers of its definition; without them, those that are there when it is looked at first
        are all that is known."""
        scheduler, ends = self.scheduler, Ends()
        with contextlib.suppress(Cancelled):
            while True:
                seen = self.jobs.looks
                task = self._tasks.find(task_id)
                if task is None:
                    break
                scheduler.history.note(task, scheduler.state, self.one_offs.services())
                ended = ends.by(task)
                if ended is not None or scheduler.history.failed_to_start(task_id):
                    if ended is not None and ended.container.exit_code is not None and not ended.given_up:
                        scheduler.history.stopping(task_id, Stop(*ESSENTIAL_EXITED))  # unless it is known
                    self.control.retired.wait(self.linger)
                    self._tasks.remove(task_id, "it has ended")
                    break
                expected = expected or list(task.members)
                if not ends.open and (fault := self._tasks.fault(task, expected)):
                    unstarted = not all(member.started for member in task.members.values())
                    scheduler.history.stopping(task_id, LOST if unstarted else Stop(*ESSENTIAL_EXITED))
                    self._tasks.remove(task_id, fault)
                    break
                self.jobs.wait_for_look(seen, SOON if ends.open else LOOK)
        scheduler.history.gone(task_id, scheduler.state)
