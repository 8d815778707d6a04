"""Keeps an environment as desired, like the ECS agent and the service scheduler do: watches, compares, acts."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emulator.agent.back_off import BackOff
from emulator.agent.front_monitor import FrontMonitor
from emulator.agent.health import given_up
from emulator.agent.history import ESSENTIAL_EXITED, Stop, TaskHistory, start_failure, stop_for
from emulator.agent.one_offs import OneOffs
from emulator.agent.patience import USUAL, Patience
from emulator.agent.recovery import LOST, recover_private
from emulator.engine.interface import Engine, EngineEvent
from emulator.errors import CopilotLocalError, EnvironmentBusy, InputError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.desired import DesiredService, DesiredState, Private
from emulator.runtime.executor import Cancelled, Executor
from emulator.runtime.front import front_spec
from emulator.runtime.in_place import edit
from emulator.runtime.names import Names
from emulator.runtime.observed import Observed, observe
from emulator.runtime.plan import Plan
from emulator.runtime.reconcile import FRONT, Reconciled, reconcile, stop_task
from emulator.runtime.restart import restartable
from emulator.runtime.service_connect import ServiceConnect
from emulator.runtime.supported import refuse_several
from emulator.runtime.task_specs import TaskFactory, task_factory

log = logging.getLogger(__name__)

RESTLESS = 3.0
"""Seconds after an event during which the listing is looked at again: Docker tells of a death before it lists it."""
RESTLESS_INTERVAL = 0.2
FAILING_INTERVAL = 1.0
"""Seconds between two looks while a target is unhealthy: its task is given up once its grace period is over."""
WAKING = ("die", "oom", "destroy", "kill", "stop", "start", "pause", "unpause")


class BeingBroughtUp(EnvironmentBusy):
    """A command that hands over when it is done is at work, or about to be."""


class Supervisor:
    """Holds what should run, and makes it so whenever it is in charge. `clock` gives seconds, like `time.monotonic`;
    `spawn` carries out a plan beside the loop, in a thread unless a test wants it otherwise."""

    def __init__(
        self,
        engine: Engine,
        state_file: Path,
        front: FrontMonitor,
        *,
        patience: Patience = USUAL,
        clock: Callable[[], float] = time.monotonic,
        spawn: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self.engine = engine
        self._spawn = spawn or _in_a_thread
        self.patience = patience
        self._clock = clock
        self.state_file = state_file
        self.state = DesiredState.model_validate_json(state_file.read_bytes())
        self.names = Names(self.state.app, self.state.environment)
        self.private = Private()
        self.one_offs = OneOffs()
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
        self._connect = ServiceConnect(engine, self.names)
        self._holder = False
        self._holder_stays = False
        self._retired = False
        self._wake = threading.Event()
        self._wake.set()  # an agent that was in charge before looks at once
        self._work = threading.RLock()
        self._freed = threading.Condition(self._work)
        self._busy: set[str] = set()
        """Services that somebody works on, and `FRONT`."""
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
        self._back_off = BackOff(patience.healthy_life, patience.longest_delay)
        self._last_failure: dict[str, str] = {}
        """Service to why its last task stopped."""

    # what the control API asks for

    def held(self, private: Private, *, stays: bool = False) -> None:
        """A command takes charge, and `stays` or hands over when it is done. Raises `EnvironmentBusy` if another one
        has."""
        with self._work:
            self._refuse_retired()
            if self._holder:
                raise EnvironmentBusy(
                    "another copilot-local command is in charge of this environment",
                    hint="end it (Ctrl-C where it runs), or run `copilot-local down`",
                )
            self._holder = True
            self._holder_stays = stays
            self._acting = False
            self.private = private
            self.front.use(self.state, private.certificates)
            self._lost.clear()

    def act(self) -> None:
        """The agent takes charge."""
        with self._work:
            self._holder = self._holder_stays = False
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
        with self._freed:
            self._freed.notify_all()

    def retire_if_idle(self) -> bool:
        """Retires where nothing runs and nobody is in charge; returns whether it did."""
        with self._work:
            if self.state.services or self.one_offs or self._holder or self._busy:
                return False
            self.retire()
            return True

    def apply(
        self,
        wanted: DesiredState,
        private: Private,
        emit: Emit,
        *,
        in_place: bool = False,
        orphaned: bool = False,
    ) -> None:
        """Merges what should run into what runs already, and makes it so. Raises what went wrong.

        `in_place`: where single containers of a task differ, they are replaced in the task that runs. `orphaned`: the
        command that made this agent has died before it took charge.
        """

        def changed(state: DesiredState) -> DesiredState:
            # Private values are in no hash; only here are the old and the new ones at hand.
            new = [name for name in wanted.services if self.private.of_service(name) != private.of_service(name)]
            return state.merged_with(wanted, forced=new)

        self._deploy(list(wanted.services), changed, emit, private, in_place=in_place, orphaned=orphaned)

    def scale(self, counts: dict[str, int], emit: Emit) -> None:
        """Sets how many tasks services should run, until the next `up` of them. Raises `Unsupported` for what can only
        have one."""
        for name, count in counts.items():
            refuse_several(self._service(name).service, count)
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
            claimed = self._claim({found[0].service})
        plan = Plan()
        delay = None if front_spec(self.state) is None else 0
        stop_task(plan, found[0], "stopped by the user", deregister=delay, withdraw=True)
        try:
            self._executor(emit).run(plan)
        finally:
            self._release(claimed)

    def _change(self, updates: dict[str, dict[str, int]], emit: Emit) -> None:
        def changed(state: DesiredState) -> DesiredState:
            services = {name: self._service(name).model_copy(update=update) for name, update in updates.items()}
            return state.model_copy(update={"services": {**state.services, **services}})

        self._deploy(list(updates), changed, emit)

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

    def _refuse_held(self, *, orphaned: bool = False) -> None:
        self._refuse_retired()
        if not self._holder_stays and (self._holder or not (self._acting or orphaned)):
            raise BeingBroughtUp(
                "another copilot-local command is bringing this environment up",
                hint="wait for it, or run `copilot-local down`",
            )
        if self._holder:
            raise EnvironmentBusy(
                "a foreground `copilot-local up` is in charge of this environment",
                hint="end it first (Ctrl-C where it runs), or start it with -d",
            )

    def _deploy(
        self,
        services: list[str],
        change: Callable[[DesiredState], DesiredState],
        emit: Emit,
        private: Private | None = None,
        *,
        in_place: bool = False,
        orphaned: bool = False,
    ) -> None:
        """Makes a changed state the desired one and waits for it; a failed deployment is rolled back, as in ECS.

        What goes on in other services goes on meanwhile.
        """
        with self._work:
            self._refuse_held(orphaned=orphaned)
            claimed = self._claim({*services, FRONT})
            try:
                self._refuse_held(orphaned=orphaned)
                previous, previous_private = self.state, self.private
                self.state = change(previous)
            except BaseException:
                self._release(claimed)
                raise
            self.private = previous_private.updated(private) if private else previous_private
            self._lost -= set(services) if private else set()
            self.front.use(self.state, self.private.certificates)
            self._back_off.forgive(services)
        try:
            if in_place:
                self._edit(task_factory(previous, previous_private, self.engine), services, emit)
            observed = observe(self.engine, self.names)
            result = self._reconcile(observed, fresh_front_rules=True, leave_alone=self._busy - claimed)
            self._note_failures(observed, result)
            self._back_off.born(result.started, self._clock())
            self._executor(emit).run(result.plan)
            with self._work:
                self._acting = True
                self._remember()
        except BaseException:
            with self._work:
                self.state = self.state.with_services_of(previous, services)
                self.private = previous_private
                self.front.use(self.state)
            self._refuse_retired()
            raise
        finally:
            self._release(claimed)

    def _edit(self, previous: TaskFactory, services: list[str], emit: Emit) -> None:
        """Replaces the containers that differ in the tasks that run."""
        with self._work:
            wanted = task_factory(self.state, self.private, self.engine)
            edited = edit(previous, wanted, services, observe(self.engine, self.names))
            self.state = edited.state
            self.front.use(self.state)
        with self.front.keeping({operation.task_id for operation in edited.plan.operations}):
            self._executor(emit).run(edited.plan)

    def _claim(self, subjects: set[str]) -> set[str]:
        """Takes services (and the front) for one piece of work, once nobody else works on them."""
        with self._freed:
            self._freed.wait_for(lambda: self._retired or self._busy.isdisjoint(subjects))
            self._refuse_retired()
            self._busy |= subjects
        return subjects

    def _release(self, subjects: set[str]) -> None:
        with self._freed:
            self._busy -= subjects
            self._freed.notify_all()
        self._wake.set()  # something may have changed while we were busy

    def status(self) -> dict[str, Any]:
        """What the agent knows that the listing does not show."""
        now = self._clock()
        failures = {name: self._back_off.failures(name, now) for name in self.state.services}
        return {
            "acting": self._acting,
            "held": self._holder,
            "targets": self.front.targets(),
            "services": {
                name: {
                    "desired_count": desired.desired_count,
                    "revision": desired.revision,
                    "hash": desired.config_hash(),
                    "failed_starts": failures[name],
                    "last_failure": self._last_failure.get(name, "") if failures[name] else "",
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
        try:
            with self._work:
                work = self._dispatch() if self._acting else None
                if self._holder:
                    # Whoever holds the environment carries out plans; restart policies are the agent's all the same.
                    self._restart(observe(self.engine, self.names))
            if work is not None:
                self._spawn(work)
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
                        # Events may come late where much happens at once.
                        ago = max(0.0, (datetime.now(UTC) - event.time).total_seconds())
                        self._started[event.container_id] = self._clock() - ago
                    elif event.action == "die":
                        self.history.exited(event.container_id, int(event.labels.get("exitCode", 0)))
                    elif event.action == "oom":
                        self.history.out_of_memory(event.container_id)
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
        soon = self._back_off.next_release(now)
        if self.front.failing_targets():
            soon.append(FAILING_INTERVAL)
        if self._restless_until > now:
            soon.append(RESTLESS_INTERVAL)
        if not self._acting and not self._holder:
            soon.append(self.patience.grace + 0.1 - (now - self._started_at))
        return max(0.05, min([self.patience.look, *soon]))

    def _dispatch(self) -> Callable[[], None] | None:
        """One look and, if something differs where nobody is at work, the work that has to be done there."""
        observed = observe(self.engine, self.names)
        if self._restart(observed):
            self._wake.set()  # others may have exited meanwhile, which their policies answer first
            return None
        if not self._connect.is_writing and self._connect.is_outdated(observed):
            self._spawn(self._write_names)
        result = self._reconcile(observed, leave_alone=self._busy)
        if not result.plan:
            self._troubles = 0
            return None
        if self._note_failures(observed, result):
            result = self._reconcile(observed, leave_alone=self._busy)
        self._back_off.born(result.started, self._clock())
        touched = {*result.started.values(), *(observed.tasks[task_id].service for task_id in result.stopped)}
        claimed = self._claim(touched or {FRONT})
        return lambda: self._carry_out(result.plan, claimed)

    def _write_names(self) -> None:
        try:
            self._connect.refresh()
            self._wake.set()  # something may have changed meanwhile
        except CopilotLocalError as error:
            log.warning("%s", error)  # and is tried again at the next look

    def _restart(self, observed: Observed) -> bool:
        """Starts containers again as their policies say; whether there were any."""
        due = restartable(observed, self._started, self._clock())
        for member in due:
            log.info("container %s exited and is started again by its restart policy", member.name)
            self._started[member.container.id] = self._clock()
            self.engine.start(member.container.name)
        return bool(due)

    def _carry_out(self, plan: Plan, claimed: set[str]) -> None:
        try:
            self._executor(_log_event).run(plan)
            self._troubles = 0
        except Cancelled:
            pass  # the environment is being taken down
        except CopilotLocalError as error:
            log.warning("%s", error)
            self._trouble()
        except Exception:
            log.exception("looking after %s failed", ", ".join(claimed))
            self._trouble()
        finally:
            self._release(claimed)

    def _reconcile(
        self, observed: Observed, *, leave_alone: AbstractSet[str], fresh_front_rules: bool = False
    ) -> Reconciled:
        factory = task_factory(self.state, self.private, self.engine)
        held_back = [*self._lost, *self._back_off.held_back(self._clock())]
        return reconcile(
            factory,
            observed,
            front_spec(self.state),
            network_exists=True,
            fresh_front_rules=fresh_front_rules,
            held_back=held_back,
            unhealthy=given_up(self.state, observed, self.front.failing_targets(), datetime.now(UTC)),
            leave_alone=leave_alone,
        )

    def _executor(self, emit: Emit) -> Executor:
        def note(event: Event) -> None:
            if event.kind is EventKind.STEP_FAILED and (task_id := str(event.fields["task"])):
                stop = start_failure(str(event.fields["operation"]), event.message)
                if stop is not None:
                    self.history.stopping(task_id, stop)
            emit(event)

        return Executor(
            self.engine,
            self.names,
            self.front,
            note,
            cancelled=self._cancelled,
            target_healthy=self.front.task_healthy,
            drain_image=self.state.agent_image,
            connect=self._connect,
        )

    def _note_states(self, observed: Observed, registered: frozenset[str], draining: frozenset[str]) -> None:
        self.history.look(self.state, observed, registered, draining)

    def _note_failures(self, observed: Observed, result: Reconciled) -> bool:
        """Tells the history why tasks stop; returns whether a service is held back from now on."""
        now = self._clock()
        held_back = False
        for task_id, reason in result.stopped.items():
            task = observed.tasks[task_id]
            log.info("task %s of %s stops: %s", task.short_id, task.service, reason)
            self.history.stopping(task_id, stop_for(reason))
            held_back = self._back_off.died(task.service, task_id, now) or held_back
            told = self.history.why(task_id)
            self._last_failure[task.service] = reason if told == ESSENTIAL_EXITED[1] else told
        return held_back

    def _remember(self) -> None:
        """Writes what should run to the volume, whole: a restarted agent goes on from there."""
        self.state.acting = self._acting
        temporary = self.state_file.with_suffix(".new")
        temporary.write_text(self.state.model_dump_json(), encoding="utf-8")
        os.replace(temporary, self.state_file)


def _in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True, name="plan").start()


def _log_event(event: Event) -> None:
    if event.kind in (EventKind.STEP_FAILED, EventKind.WARNING):
        log.warning("%s: %s", event.subject, event.message)
    elif event.kind is EventKind.STEP_DONE:
        log.info("%s", event.subject)
