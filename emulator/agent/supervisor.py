"""Keeps an environment as desired, like the ECS agent and the service scheduler do: watches, compares, acts."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emulator.agent.front_monitor import FrontMonitor
from emulator.agent.health import given_up
from emulator.agent.history import ESSENTIAL_EXITED, Stop, TaskHistory
from emulator.agent.recovery import LOST, recover_private
from emulator.engine.interface import Engine, EngineEvent
from emulator.errors import CopilotLocalError, EnvironmentBusy, InputError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.desired import DesiredService, DesiredState, Private
from emulator.runtime.executor import Cancelled, Executor
from emulator.runtime.front import front_spec
from emulator.runtime.names import Names
from emulator.runtime.observed import Observed, observe
from emulator.runtime.plan import Plan
from emulator.runtime.reconcile import Reconciled, reconcile, stop_task
from emulator.runtime.restart import restartable
from emulator.runtime.task_specs import task_factory

log = logging.getLogger(__name__)

RESTLESS = 3.0
"""Seconds after an event during which the listing is looked at again: Docker tells of a death before it lists it."""
RESTLESS_INTERVAL = 0.2
FAILING_INTERVAL = 1.0
"""Seconds between two looks while a target is unhealthy: its task is given up once its grace period is over."""
WAKING = ("die", "oom", "destroy", "kill", "stop", "start", "pause", "unpause")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the supervisor waits for what, in seconds."""

    look: float = 30.0
    """Between two looks at the listing when no event comes: a stuck container sends none."""
    grace: float = 20.0
    """For the command that made the agent to take charge, before the agent acts by itself."""
    healthy_life: float = 60.0
    """A task that lived this long was no failed start: its replacement is not delayed."""
    longest_delay: float = 60.0
    """Between two tasks of a service that die young."""
    longest_trouble: float = 30.0
    """Between two tries of what fails, such as a Docker daemon that does not answer."""
    first_trouble: float = 1.0
    reconnect: float = 1.0
    """After an event stream that ended."""


class Supervisor:
    """Holds what should run, and makes it so whenever it is in charge. `clock` gives seconds, like `time.monotonic`."""

    def __init__(
        self,
        engine: Engine,
        state_file: Path,
        front: FrontMonitor,
        *,
        patience: Patience = Patience(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self.patience = patience
        self._clock = clock
        self.state_file = state_file
        self.state = DesiredState.model_validate_json(state_file.read_bytes())
        self.names = Names(self.state.app, self.state.environment)
        self.private = Private()
        self.front = front
        self.front.use(self.state)
        self.front.refresh()
        self._acting = self.state.acting
        self._lost: set[str] = set()
        """Services whose private values are nowhere any more: their tasks are not replaced."""
        if self._acting:
            self.private, self._lost = recover_private(engine, self.state, observe(engine, self.names))
            for service in self._lost:
                log.error("%s: %s", service, LOST)
        self._holder = False
        self._retired = False
        self._wake = threading.Event()
        self._wake.set()  # an agent that was in charge before looks at once
        self._work = threading.RLock()
        self.front.on_verdict = self._wake.set
        self.history = TaskHistory()
        self.front.on_look = self._note_states
        self.on_event: Callable[[EngineEvent], None] = lambda _: None
        """Hears of every event of the environment's containers."""
        self._cancelled = threading.Event()
        self._started_at = clock()
        self._troubles = 0
        self._restless_until = 0.0
        self._started: dict[str, float] = {}
        """Container id to when it last started, on the monotonic clock."""
        self._births: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}

    # what the control API asks for

    def held(self, private: Private) -> None:
        """A command takes charge. Raises `EnvironmentBusy` if another one has."""
        with self._work:
            self._refuse_retired()
            if self._holder:
                raise EnvironmentBusy(
                    "another copilot-local command is in charge of this environment",
                    hint="end it (Ctrl-C where it runs), or run `copilot-local down`",
                )
            self._holder = True
            self._acting = False
            self.private = private
            self._lost.clear()

    def act(self) -> None:
        """The agent takes charge."""
        with self._work:
            self._holder = False
            if self._retired:
                return
            self._acting = True
            self._remember()
        self._wake.set()

    def retire(self) -> None:
        """The environment is going away: do nothing any more."""
        self._retired = True
        self._holder = False
        self._acting = False
        self._cancelled.set()

    def apply(self, wanted: DesiredState, private: Private, emit: Emit) -> None:
        """Merges what should run into what runs already, and makes it so. Raises what went wrong."""
        with self._work:
            self._lost -= set(wanted.services)
            self._deploy(_merged(self.state, wanted), self.private.updated(private), list(wanted.services), emit)

    def scale(self, counts: dict[str, int], emit: Emit) -> None:
        """Sets how many tasks services should run, until the next `up` of them."""
        self._change({name: {"count": count} for name, count in counts.items()}, emit)

    def redeploy(self, services: list[str], emit: Emit) -> None:
        """Replaces every task of these services (none: all) by a new one of the same definition."""
        state = self.state
        chosen = services or list(state.services)
        self._change({name: {"deployments": self._service(name).deployments + 1} for name in chosen}, emit)

    def stop_task(self, task_id: str, emit: Emit) -> None:
        """Stops one task, named by its id or the beginning of it; the scheduler replaces it. As StopTask in ECS."""
        with self._work:
            self._refuse_held()
            found = [task for task in observe(self.engine, self.names).tasks.values() if task.id.startswith(task_id)]
            if len(found) != 1:
                raise InputError(
                    f"{'no task' if not found else 'several tasks'} of that id: {task_id}",
                    hint="`copilot-local ps` shows the ids",
                )
            self.history.stopping(found[0].id, Stop("UserInitiated", "Task stopped by user"))
            plan = Plan()
            stop_task(plan, found[0], "stopped by the user", deregister=None if front_spec(self.state) is None else 0)
            self._executor(emit).run(plan)
        self._wake.set()

    def _change(self, updates: dict[str, dict[str, int]], emit: Emit) -> None:
        with self._work:
            services = dict(self.state.services)
            for name, update in updates.items():
                services[name] = self._service(name).model_copy(update=update)
            self._deploy(self.state.model_copy(update={"services": services}), self.private, list(updates), emit)

    def _service(self, name: str) -> DesiredService:
        if name not in self.state.services:
            raise InputError(
                f"{name} does not run here", hint=f"services that do: {', '.join(self.state.services) or 'none'}"
            )
        return self.state.services[name]

    def _refuse_retired(self) -> None:
        if self._retired:
            raise EnvironmentBusy(
                "this environment is being taken down", hint="wait for that, or run `copilot-local down`"
            )

    def _refuse_held(self) -> None:
        self._refuse_retired()
        if self._holder:
            raise EnvironmentBusy(
                "a foreground `copilot-local up` is in charge of this environment",
                hint="end it first (Ctrl-C where it runs), or start it with -d",
            )

    def _deploy(self, state: DesiredState, private: Private, services: list[str], emit: Emit) -> None:
        """Makes another state the desired one and waits for it; a failed deployment is rolled back, as in ECS."""
        self._refuse_held()
        previous, previous_private = self.state, self.private
        self.state, self.private = state, private
        self.front.use(state)
        for name in services:
            self._failures.pop(name, None)
            self._not_before.pop(name, None)
        try:
            self._converge(emit, fresh_front_rules=True)
        except BaseException:
            self.state, self.private = previous, previous_private
            self.front.use(previous)
            self._wake.set()
            self._refuse_retired()
            raise
        self._acting = True
        self._remember()

    def status(self) -> dict[str, Any]:
        """What the agent knows that the listing does not show."""
        return {
            "acting": self._acting,
            "held": self._holder,
            "targets": self.front.targets(),
            "services": {
                name: {
                    "desired_count": desired.desired_count,
                    "revision": desired.revision,
                    "hash": desired.config_hash(),
                    "failed_starts": self._failures.get(name, 0),
                    "failure": LOST if name in self._lost else "",
                }
                for name, desired in self.state.services.items()
            },
            "front_port": self.state.front_port,
        }

    # the loop

    def run(self) -> None:
        """Supervises until the process ends."""
        threading.Thread(target=self._listen, daemon=True, name="events").start()
        while not self._retired:
            self._wake.wait(self._next_look())
            self._wake.clear()
            self.look()

    def look(self) -> None:
        """One round: takes charge if nobody else did in time, and does what has to be done if in charge."""
        if not self._acting and not self._holder and self._clock() - self._started_at > self.patience.grace:
            log.info("nobody took charge within %s s", self.patience.grace)
            self.act()
        if self._acting:
            try:
                with self._work:
                    if self._acting:
                        self._converge(_log_event)
                self._troubles = 0
            except Cancelled:
                return  # the environment is being taken down
            except CopilotLocalError as error:
                log.warning("%s", error)
                self._trouble()
            except Exception:
                log.exception("looking after the environment failed")
                self._trouble()

    def _listen(self) -> None:
        while not self._retired:
            try:
                for event in self.engine.events(self.names.labels()):
                    self.on_event(event)
                    if event.action == "start":
                        self._started[event.container_id] = self._clock()
                    elif event.action == "destroy":
                        self._started.pop(event.container_id, None)
                    if event.action in WAKING or event.action.startswith("health_status"):
                        self._restless_until = self._clock() + RESTLESS
                        self.front.refresh()
                        self._wake.set()
            except CopilotLocalError as error:
                log.warning("the event stream ended: %s", error)
            self._cancelled.wait(self.patience.reconnect)
            self._wake.set()

    def _trouble(self) -> None:
        """What failed is tried again after 1 s, 2 s, 4 s, … up to half a minute, however many events come."""
        self._troubles += 1
        delay = self.patience.first_trouble * 2.0 ** (self._troubles - 1)
        self._cancelled.wait(min(delay, self.patience.longest_trouble))
        self._wake.set()

    def _next_look(self) -> float:
        now = self._clock()
        soon = [at - now for at in self._not_before.values() if at > now]
        if self.front.failing_targets():
            soon.append(FAILING_INTERVAL)
        if self._restless_until > now:
            soon.append(RESTLESS_INTERVAL)
        if not self._acting and not self._holder:
            soon.append(self.patience.grace + 0.1 - (now - self._started_at))
        return max(0.05, min([self.patience.look, *soon]))

    def _converge(self, emit: Emit, *, fresh_front_rules: bool = False) -> None:
        """One look and, if something differs, one plan."""
        observed = observe(self.engine, self.names)
        if due := restartable(observed, self._started, self._clock()):
            for member in due:
                log.info("container %s exited and is started again by its restart policy", member.name)
                self._started[member.container.id] = self._clock()
                self.engine.start(member.container.name)
            observed = observe(self.engine, self.names)
        result = self._reconcile(observed, fresh_front_rules)
        if not result.plan:
            return
        if self._note_failures(observed, result):
            result = self._reconcile(observed, fresh_front_rules)
        self._births.update(dict.fromkeys(result.started, self._clock()))
        self._executor(emit).run(result.plan)
        self._wake.set()  # something may have changed while we were busy

    def _reconcile(self, observed: Observed, fresh_front_rules: bool) -> Reconciled:
        factory = task_factory(self.state, self.private, self.engine)
        held_back = list(self._lost)
        held_back += [name for name, at in self._not_before.items() if at > self._clock()]
        return reconcile(
            factory,
            observed,
            front_spec(self.state),
            network_exists=True,
            fresh_front_rules=fresh_front_rules,
            held_back=held_back,
            unhealthy=given_up(self.state, observed, self.front.failing_targets(), datetime.now(UTC)),
        )

    def _executor(self, emit: Emit) -> Executor:
        return Executor(
            self.engine,
            self.names,
            self.front,
            emit,
            cancelled=self._cancelled,
            target_healthy=self.front.task_healthy,
            drain_image=self.state.agent_image,
        )

    def _note_states(self, observed: Observed, registered: frozenset[str], draining: frozenset[str]) -> None:
        self.history.look(self.state, observed, registered, draining)

    def _note_failures(self, observed: Observed, result: Reconciled) -> bool:
        """A task that died young delays its replacement, from the second one in a row on: 1 s, 2 s, 4 s, … up to a
        minute. Returns whether a service is held back from now on."""
        now = self._clock()
        held_back = False
        for task_id, reason in result.stopped.items():
            task = observed.tasks[task_id]
            log.info("task %s of %s stops: %s", task.short_id, task.service, reason)
            self.history.stopping(task_id, _stop(reason))
            born = self._births.pop(task_id, None)
            if born is None or now - born > self.patience.healthy_life:
                self._failures.pop(task.service, None)
                continue
            failures = self._failures[task.service] = self._failures.get(task.service, 0) + 1
            if failures > 1:
                self._not_before[task.service] = now + min(2.0 ** (failures - 2), self.patience.longest_delay)
                held_back = True
        return held_back

    def _remember(self) -> None:
        """Writes what should run to the volume, whole: a restarted agent goes on from there."""
        self.state.acting = self._acting
        temporary = self.state_file.with_suffix(".new")
        temporary.write_text(self.state.model_dump_json(), encoding="utf-8")
        os.replace(temporary, self.state_file)


def _merged(present: DesiredState, wanted: DesiredState) -> DesiredState:
    """What ran plus what is asked for; a changed task definition gets the next revision."""
    services = dict(present.services)
    for name, desired in wanted.services.items():
        before = present.services.get(name)
        revision = 1 if before is None else before.revision
        if before is not None and before.config_hash() != desired.config_hash():
            revision += 1
        services[name] = desired.model_copy(update={"revision": revision})
    return wanted.model_copy(update={"services": services, "acting": present.acting})


def _stop(reason: str) -> Stop:
    """ECS's stop code for a reason of the plan; an essential container's exit has fixed words in ECS."""
    if reason.startswith("essential container "):
        return Stop(*ESSENTIAL_EXITED)
    return Stop("ServiceSchedulerInitiated", reason)


def _log_event(event: Event) -> None:
    if event.kind in (EventKind.STEP_FAILED, EventKind.WARNING):
        log.warning("%s: %s", event.subject, event.message)
    elif event.kind is EventKind.STEP_DONE:
        log.info("%s", event.subject)
