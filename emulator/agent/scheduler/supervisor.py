"""Keeps an environment as desired, like the ECS agent and the service scheduler do: watches, compares, acts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any

from emulator.agent.load_balancer.front_monitor import FrontMonitor
from emulator.agent.scheduler.control_lock import ControlLock
from emulator.agent.scheduler.deployments import Deployments
from emulator.agent.scheduler.described.services import described_services
from emulator.agent.scheduler.early_checks import EarlyChecks, judging
from emulator.agent.scheduler.event_log import log_event
from emulator.agent.scheduler.job_runs import JobRun, JobRuns
from emulator.agent.scheduler.one_off_tasks import OneOffs
from emulator.agent.scheduler.recovery import remove_left_volumes
from emulator.agent.scheduler.scheduler import Scheduler
from emulator.agent.scheduler.task_runs import TaskRuns
from emulator.agent.scheduler.timeouts import USUAL, Timeouts
from emulator.agent.scheduler.timetable import Timetable, now_in_utc
from emulator.engine.interface import Engine, EngineEvent
from emulator.errors import CopilotLocalError, InputError
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.health.restarts import Restarts
from emulator.runtime.planning.reconcile import FRONT, PROVISIONS
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.observed import Observed, Task, observe
from emulator.runtime.state.operations import Plan

log = logging.getLogger(__name__)

RESTLESS = 3.0
"""Seconds after an event during which the listing is looked at again: Docker tells of a death before it lists it."""
RESTLESS_INTERVAL = 0.2
FAILING_INTERVAL = 1.0
"""Seconds between two looks while a target is unhealthy: its task is given up once its grace period is over."""
WAKING = ("die", "oom", "destroy", "kill", "stop", "start", "pause", "unpause")


class Supervisor:
    """Makes what should run so whenever the agent is in charge. `clock` gives seconds, like `time.monotonic`; `spawn`
    carries out a plan beside the loop, in a thread unless a test wants it otherwise; jobs run by `time_of_day`."""

    def __init__(
        self,
        engine: Engine,
        state_file: Path,
        front: FrontMonitor,
        *,
        timeouts: Timeouts = USUAL,
        clock: Callable[[], float] = time.monotonic,
        spawn: Callable[[Callable[[], None]], None] | None = None,
        time_of_day: Callable[[], datetime] = now_in_utc,
    ) -> None:
        self.early = EarlyChecks(engine)
        engine = judging(engine, self.early)
        self.engine = engine
        self._spawn = spawn or _in_a_thread
        self.timeouts = timeouts
        self._clock = clock
        self.front = front
        front.engine = engine  # what ECS's API says of a container's health is what `ps` says
        self.control = ControlLock()
        self.abandoned = threading.Event()
        """Set once the environment was going away and every command that took it away has ended."""
        self._retirements = 0
        self.scheduler = Scheduler(engine, state_file, front, timeouts, clock, self.control.retired, self.early.results)
        self.control.acting = self.scheduler.state.acting
        if self.control.acting:
            self.scheduler.recover_private()
        self.deployments = Deployments(self.control, self.scheduler)
        self.one_offs = OneOffs()
        self.timetable = Timetable(time_of_day)
        world = (self.control, self.scheduler, self.one_offs)
        self.jobs = JobRuns(*world, clock, timeouts.linger, log_event, self._spawn)
        self.task_runs = TaskRuns(*world, self.jobs, min(timeouts.linger, 1.0), log_event, self._spawn)
        self._wake = threading.Event()
        self._wake.set()  # an agent that was in charge before looks at once
        self.control.on_freed = self._wake.set  # something may have changed during the work
        self.front.on_verdict = self._wake.set
        self.early.on_success = self._healthy
        self.front.on_look = self._note_states
        self.on_event: Callable[[EngineEvent], None] = lambda _: None
        """Hears of every event of the environment's containers."""
        self._started_at = clock()
        self._troubles = 0
        self._adopted = False
        self._restless_until = 0.0
        self._hears_from = inf  # from then on every change comes as an event of Docker's
        self._seen_at = 0.0  # when the services were looked at last
        self._restarts = Restarts(clock)

    # who is in charge

    def held(self, private: Private, *, stays: bool = False) -> None:
        """A command takes charge, and `stays` or hands over when it is done. Raises `EnvironmentBusy` if another one
        has."""
        with self.control.lock:
            self.control.hold(stays=stays)
            self._use(private)

    def begin(self, state: DesiredState, private: Private) -> None:
        """The command in charge makes this run. Raises `TaskError` where that cannot be written down."""
        with self.control.lock:
            self.scheduler.begin(state)
            self._use(private)
        self._wake.set()  # its containers may run already, and no event of their start come

    def _use(self, private: Private) -> None:
        self.scheduler.private = private
        self.scheduler.lost.clear()
        self.front.use(self.scheduler.state, private.certificates)
        self.front.refresh()

    def act(self) -> None:
        """The agent takes charge."""
        with self.control.lock:
            if not self.control.act():
                return
            self.scheduler.remember()
            self.scheduler.rollouts.adopt_unknown(self.scheduler.state)
        self._wake.set()

    def retire(self) -> None:
        """The environment is going away: do nothing any more. `abandon` follows."""
        with self.control.lock:
            self._retirements += 1
        self.early.close()
        self.front.stand_down()
        self.control.retire()
        self.jobs.wake()

    def abandon(self) -> None:
        """A command that was taking the environment away has ended, maybe killed."""
        with self.control.lock:
            self._retirements -= 1
            if not self._retirements:
                self.abandoned.set()

    def retire_if_idle(self) -> bool:
        """Retires where nothing runs and no command holds the environment; returns whether it did."""
        with self.control.lock:
            if self.scheduler.state.services or self.one_offs or self.control.held or self.control.busy:
                return False
            self.retire()
            return True

    def status(self) -> dict[str, Any]:
        """What the agent knows that the listing does not show."""
        return {
            "acting": self.control.acting,
            "held": self.control.held,
            "stays": self.control.stays,
            "going": self.control.retired.is_set(),
            "providing": self.control.providing,
            "targets": self.front.targets(),
            "checks": self.early.as_plain(),
            "services": self.scheduler.status(),
            "front_port": self.scheduler.state.front_port,
            "jobs": self.job_status(),
        }

    def services(self) -> list[dict[str, Any]]:
        """Every service, in the shape of DescribeServices. Docker is asked where something may have happened since."""
        with self.control.lock:
            now = self._clock()
            if self._seen_at <= max(self._hears_from, self._restless_until):
                self.scheduler.look(observe(self.engine, self.scheduler.names))
                self._seen_at = now
            return described_services(self.scheduler.state, self.scheduler.rollouts)

    def job_status(self) -> dict[str, Any]:
        """Of each Scheduled Job: its schedule, when it runs next by that, and its last runs."""
        with self.control.lock:
            state = self.scheduler.state
            times = self.timetable.next_times(state)
        return {
            name: {
                "expression": desired.service.schedule.expression,
                "on_schedule": bool(desired.schedule_made) and desired.service.schedule.enabled,
                "next": times[name].isoformat() if name in times else None,
                "runs": [run.as_plain() for run in self.jobs.of(name)],
            }
            for name, desired in state.services.items()
            if desired.service.schedule is not None
        }

    def set_clock(self, to: datetime) -> None:
        """Moves the clock that jobs run by."""
        with self.control.lock:
            self.timetable.next_times(self.scheduler.state)  # a job that came just now counts from now
            self.timetable.set_clock(to)
        self._wake.set()

    def run_job(self, name: str) -> JobRun:
        """Starts a run of a job now. Raises `InputError` for what is no job here; `EnvironmentBusy`."""
        with self.control.lock:
            self.control.refuse_retired()
            if self.scheduler.service(name).service.schedule is None:
                raise InputError(f"{name} is no Scheduled Job")
            return self.jobs.start(name)

    def _healthy(self) -> None:
        self.front.refresh()
        self._wake.set()

    # the loop

    def run(self) -> None:
        """Supervises until the process ends."""
        threading.Thread(target=self._listen, daemon=True, name="events").start()
        self.remove_left_volumes()
        while not self.control.retired.is_set():
            self._wake.wait(self._next_look())
            self._wake.clear()
            self.look()

    def remove_left_volumes(self) -> None:
        """Removes the volumes of tasks that are gone."""
        try:
            with self.control.lock:
                if self.control.acting:
                    remove_left_volumes(self.engine, self.scheduler.names)
        except CopilotLocalError as error:
            log.warning("volumes of tasks that are gone may be left: %s", error)

    def look(self) -> None:
        """One round: takes over if no command did in time, and acts if it may."""
        try:
            with self.control.lock:
                waited = self._clock() - self._started_at
                if not self.control.acting and not self.control.held and waited > self.timeouts.grace:
                    log.info("no command took over within %s s", self.timeouts.grace)
                    self.scheduler.recover_private()  # no command will send them
                    self.act()
                if self.control.acting and not self.scheduler.written and FRONT not in self.control.busy:
                    self.scheduler.remember()  # unless a deployment is under way, which may fail yet
                self._run_jobs()
                work = self._dispatch() if self.control.acting else None
                if self.control.held:
                    # The command that holds the environment carries out plans; the agent applies restart policies.
                    observed = observe(self.engine, self.scheduler.names)
                    self._check(observed)
                    self.scheduler.look(observed)
                    self._restart(observed)
                    if self.scheduler.connect.has_outdated_files(observed):
                        self.scheduler.connect.write_files()
            if work is not None:
                self._begin(*work)
        except CopilotLocalError as error:
            log.warning("%s", error)
            self._trouble()
        except Exception:
            log.exception("looking after the environment failed")
            self._trouble()

    @property
    def _runs_jobs(self) -> bool:
        return self.control.acting or self.control.stays

    def _run_jobs(self) -> None:
        """Goes on with what ran under the agent before this one, and starts what is due, also for a foreground `up`."""
        if not self._runs_jobs:
            return
        if not self._adopted:
            observed = observe(self.engine, self.scheduler.names)
            self.jobs.adopt(observed)
            self.task_runs.adopt(observed)
            self._adopted = True
        for name in self.timetable.due(self.scheduler.state):
            self.jobs.start(name)

    def _listen(self) -> None:
        while not self.control.retired.is_set():
            try:
                events = self.engine.events(self.scheduler.names.labels())
                self._hears_from = self._clock() + RESTLESS
                self._wake.set()  # of what happened before, no event comes
                for event in events:
                    self.on_event(event)
                    self.scheduler.history.happened(event)
                    if event.action in ("start", "die"):
                        self.early.restarted(event.container_id)
                    self._restarts.happened(event)
                    self.jobs.wake()
                    if event.action in WAKING or event.action.startswith("health_status"):
                        self._restless_until = self._clock() + RESTLESS
                        self.front.refresh()
                        self._wake.set()
            except CopilotLocalError as error:
                log.warning("the event stream ended: %s", error)
            self._hears_from = inf
            self.control.retired.wait(self.timeouts.reconnect)
            self._wake.set()

    def _trouble(self) -> None:
        """What failed is tried again after 1 s, 2 s, 4 s, … up to half a minute, however many events come."""
        self._troubles += 1
        delay = self.timeouts.first_trouble * 2.0 ** (self._troubles - 1)
        self.control.retired.wait(min(delay, self.timeouts.longest_trouble))
        self._wake.set()

    def _next_look(self) -> float:
        now = self._clock()
        soon = self.scheduler.back_off.next_release(now)
        job = self.timetable.seconds_to_next()
        if job is not None and self._runs_jobs:
            soon.append(job)
        if self.front.failing_targets():
            soon.append(FAILING_INTERVAL)
        soon += self.scheduler.rollouts.next_verdict()
        if self._restless_until > now:
            soon.append(RESTLESS_INTERVAL)
        if not self.control.acting and not self.control.held:
            soon.append(self.timeouts.grace + 0.1 - (now - self._started_at))
        return max(0.05, min([self.timeouts.look, *soon]))

    def _dispatch(self) -> tuple[Plan, set[str]] | None:
        """Compares once; returns the plan and what it claims where something differs and no other work is under way."""
        self.scheduler.left.remove(self.scheduler.executor)
        observed = observe(self.engine, self.scheduler.names)
        self._check(observed)
        self.scheduler.look(observed)
        if self._restart(observed):
            self._wake.set()  # others may have exited meanwhile, which their policies answer first
            return None
        if not self.scheduler.connect.is_writing and self.scheduler.connect.is_outdated(observed):
            self._spawn(self._write_names)
        result = self.scheduler.reconcile(observed, leave_alone=self.control.busy)
        if not result.plan:
            self._troubles = 0
            return None
        if self.scheduler.note_failures(observed, result):
            result = self.scheduler.reconcile(observed, leave_alone=self.control.busy)
        self.scheduler.born(result)
        touched = {*result.started.values(), *(observed.tasks[task_id].service for task_id in result.stopped)}
        claimed = self.control.claim((touched or {FRONT}) | ({PROVISIONS} if result.provides else set()))
        return result.plan, claimed

    def _begin(self, plan: Plan, claimed: set[str]) -> None:
        try:
            self._spawn(lambda: self._carry_out(plan, claimed))
        except RuntimeError:  # no thread can be started now
            self.control.release(claimed)
            raise

    def _check(self, observed: Observed) -> None:
        """Checks containers that have not been healthy yet, those of one-off tasks too."""
        one_offs = {desired.service.name: desired for desired in self.one_offs.services()}
        self.early.look(observed, {**one_offs, **self.scheduler.state.services})

    def _write_names(self) -> None:
        try:
            self.scheduler.connect.refresh()
            self._wake.set()  # something may have changed meanwhile
        except CopilotLocalError as error:
            log.warning("%s", error)  # and is tried again at the next look

    def _restart(self, observed: Observed) -> bool:
        """Starts containers again as their policies say; whether there were any."""
        due = self._restarts.due(observed, self.scheduler.history.is_stopping, self.scheduler.left.told_to_stop)
        for member in due:
            log.info("container %s exited and is started again by its restart policy", member.name)
            self.engine.start(member.container.name)
        return bool(due)

    def _carry_out(self, plan: Plan, claimed: set[str]) -> None:
        try:
            with self.scheduler.stops.working_on(claimed) as stopped:
                self.scheduler.executor(log_event, cancelled=stopped, gives_up=self._gives_up).run(plan)
            self._troubles = 0
        except Cancelled:
            pass  # the environment is being taken down, or a deployment was stopped
        except CopilotLocalError as error:
            log.warning("%s", error)
            self._trouble()
        except Exception:
            log.exception("looking after %s failed", ", ".join(claimed))
            self._trouble()
        finally:
            self.control.release(claimed)

    def _gives_up(self, task: Task) -> bool:
        return self.scheduler.gives_up(task) is not None

    def _note_states(self, observed: Observed, registered: frozenset[str], draining: frozenset[str]) -> None:
        scheduler = self.scheduler
        named = {task.id: scheduler.rollouts.deployment_id(task) for task in observed.service_tasks}
        one_offs = self.one_offs.services()
        scheduler.history.look(scheduler.state, observed, registered, draining, one_offs, named)


def _in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True, name="plan").start()
