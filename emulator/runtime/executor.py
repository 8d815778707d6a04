"""Carries out a plan, in parallel along its edges. Decides nothing but how to wait."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from emulator.engine.interface import ContainerSpec, Engine, Health
from emulator.errors import (
    Conflict,
    ContainerFailed,
    CopilotLocalError,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    LogDriverNotReady,
    TaskError,
)
from emulator.events import Emit, Event, EventKind
from emulator.runtime import names
from emulator.runtime.aws import prepare_aws
from emulator.runtime.daemon_memory import has_low_limit, remember_low_limit
from emulator.runtime.dependencies import (
    TIMED_OUT,
    UNSUCCESSFUL,
    NeverStarts,
    cannot_start,
    failed_for_good,
    holds,
    waits_for_ever,
)
from emulator.runtime.drain import open_drain
from emulator.runtime.failed import container_failed
from emulator.runtime.front import FrontControl
from emulator.runtime.keep import Keeper
from emulator.runtime.limits import BELOW_PAUSE, below
from emulator.runtime.names import Names
from emulator.runtime.observed import Member, Task, observe
from emulator.runtime.plan import TASK_STEADY, Operation, Plan, Verb
from emulator.runtime.restart import may_restart
from emulator.runtime.service_connect import ServiceConnect
from emulator.runtime.task_specs import NO_FILE, NO_IPV6, SHARED_FOLDER

POLL = 0.1
"""Seconds between two listings while something is awaited."""
SOCKET_POLL = 0.05
"""Seconds between two tries to start a container whose log router does not listen yet."""
REVIVAL = 2.0
"""Seconds that a revived log router must stay up before we count on it."""
SETTLED = f"{SHARED_FOLDER}/relay.settled"
SETTLE = ("sh", "-c", f"rm -f {SETTLED}; kill -USR1 1; until [ -e {SETTLED} ]; do sleep 0.02; done; cat {SETTLED}")
"""Asks a relay to pass on what it holds; prints how many records it wrote to the log store itself."""
SETTLE_TIMEOUT = 20.0
PARALLEL = 16
RLIMIT_REFUSED = "error setting rlimit"
"""In runc's words: the daemon may not raise a limit that high."""
NO_IPV6_REFUSED = "conf/all/disable_ipv6: no such file"
"""In runc's words: the kernel has no IPv6."""
_LOWERED: weakref.WeakSet[Engine] = weakref.WeakSet()
"""Daemons that refused Fargate's limit once: they are not asked again."""


class Cancelled(Exception):
    """Another operation failed, or the user interrupted."""


class Executor:
    """Runs plans against an engine.

    `on_started` hears of every container of a task that started, `before_remove` of each before it is removed.
    `target_healthy` is what the front says of a task; without it the containers' own health decides.
    """

    def __init__(
        self,
        engine: Engine,
        environment: Names,
        front: FrontControl,
        emit: Emit,
        *,
        cancelled: threading.Event | None = None,
        on_started: Callable[[ContainerSpec], None] | None = None,
        before_remove: Callable[[str], None] | None = None,
        target_healthy: Callable[[str], bool] | None = None,
        drain_image: str = "",
        revival: float = REVIVAL,
        keep_output: bool = True,
        connect: ServiceConnect | None = None,
    ) -> None:
        self.engine = engine
        self.names = environment
        self.front = front
        self.emit = emit
        self.cancelled = cancelled or threading.Event()
        self.on_started = on_started
        self.before_remove = before_remove
        self.target_healthy = target_healthy
        self.drain_image = drain_image
        self.keep_output = keep_output
        self.connect = connect or ServiceConnect(engine, environment)
        self._keeper = Keeper(engine, environment)
        self.revival = revival
        self._stopping = threading.Event()
        self._ids: dict[str, str] = {}
        """Container name to id, of what this executor made."""
        self._made: dict[str, ContainerSpec] = {}
        self._told_of_limit = False

    def run(self, plan: Plan) -> None:
        """Carries out every operation; raises the first error after those under way have ended."""
        self._stopping.clear()
        waiting = {operation.id: operation for operation in plan.operations}
        done: set[int] = set()
        lost: dict[int, NeverStarts] = {}
        running: dict[Future[None], Operation] = {}
        error: BaseException | None = None
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="plan") as pool:
            while waiting or running:
                if error is None and self.cancelled.is_set():
                    error = Cancelled()
                    self._stopping.set()
                if error is None:
                    for operation in [o for o in waiting.values() if done.issuperset(o.needs)]:
                        del waiting[operation.id]
                        cause = next((lost[need] for need in operation.needs if need in lost), None)
                        running[pool.submit(self._perform, operation, cause)] = operation
                elif not running:
                    break
                finished, _ = wait(running, timeout=POLL, return_when=FIRST_COMPLETED)
                for future in finished:
                    operation = running.pop(future)
                    problem = future.exception()
                    if problem is None:
                        done.add(operation.id)
                    elif isinstance(problem, NeverStarts):
                        done.add(operation.id)
                        lost[operation.id] = problem
                    elif error is None or isinstance(error, Cancelled):
                        error = problem if not isinstance(problem, Cancelled) or error is None else error
                        self._stopping.set()
        self._keeper.close()
        if error is not None:
            raise error

    def _perform(self, operation: Operation, lost: NeverStarts | None = None) -> None:
        """`lost`: what this operation needs will never start."""
        if self._stopping.is_set():
            raise Cancelled
        if lost is not None and operation.condition != TASK_STEADY:
            self._lose(operation, lost)
        subject = operation.title or f"{operation.verb} {operation.subject}"
        fields: dict[str, str | int | float | bool] = {
            "operation": operation.verb,
            "object": operation.subject,
            "cause": operation.cause,
            "task": operation.task_id,
            "quiet": not operation.title,
        }
        began = time.monotonic()
        self.emit(Event(EventKind.STEP_STARTED, subject, "", fields))
        try:
            self._do(operation)
        except Cancelled:
            raise
        except Exception as error:
            self.emit(Event(EventKind.STEP_FAILED, subject, str(error), fields))
            raise
        seconds = round(time.monotonic() - began, 3)
        self.emit(Event(EventKind.STEP_DONE, subject, "", {**fields, "seconds": seconds}))

    def _do(self, operation: Operation) -> None:
        match operation.verb:
            case Verb.CREATE_NETWORK:
                self.engine.ensure_network(operation.subject, operation.labels)
            case Verb.CREATE_VOLUME:
                self.engine.ensure_volume(operation.subject, operation.labels)
            case Verb.CREATE_CONTAINER:
                self._create(operation)
            case Verb.START_CONTAINER:
                self._start(operation)
            case Verb.AWAIT:
                self._await(operation)
            case Verb.PREPARE_AWS:
                prepare_aws(self.engine, operation.subject, operation.log_groups)
            case Verb.CONFIGURE_FRONT:
                self.front.configure(self.engine)
            case Verb.DEREGISTER:
                self.front.deregister(self.engine, operation.task_id, operation.timeout)
            case Verb.WRITE_NAMES:
                self.connect.refresh()
            case Verb.WITHDRAW_NAME:
                self._withdraw(operation)
            case Verb.REVIVE_ROUTER:
                self._revive(operation.task_id)
            case Verb.STOP_CONTAINER:
                self._stop(operation)
            case Verb.REMOVE_CONTAINER:
                if self.before_remove is not None:
                    self.before_remove(operation.subject)
                if self.keep_output and operation.task_id:
                    self._keeper.keep(operation.subject)
                if (task := self._task(operation.task_id)) and task.relay and task.relay.name == operation.subject:
                    self._settle(task)  # the router has ended: what it left in its buffer too
                self.engine.remove(operation.subject)
            case Verb.REMOVE_VOLUME:
                self._remove_volumes(operation.subject)
            case Verb.REMOVE_NETWORK:
                self.engine.remove_network(operation.subject)

    def _create(self, operation: Operation) -> None:
        assert operation.spec is not None
        spec = operation.spec
        if self._has_low_limit():
            lowered = _with_lower_limit(spec)
            if lowered != spec:
                self._tell_of_limit()
            spec = lowered
        if spec.cgroup_parent == BELOW_PAUSE and spec.network:
            # The name that says whose network it joins is that of its pause.
            spec = replace(spec, cgroup_parent=below(self._id_of(spec.network.removeprefix("container:"))))
        self._ids[spec.name] = self.engine.create_container(spec)
        self._made[spec.name] = spec
        for folder, files in operation.files:
            self.engine.put_files(operation.spec.name, folder, files)

    def _id_of(self, name: str) -> str:
        """The id of a container that this executor made, or that was there before."""
        if name not in self._ids:
            self._ids |= {container.name: container.id for container in observe(self.engine, self.names).containers}
        return self._ids[name]

    def _start(self, operation: Operation) -> None:
        deadline = time.monotonic() + operation.timeout
        lowered = False
        while True:
            try:
                self.engine.start(operation.subject)
                break
            except LogDriverNotReady as error:
                # The daemon's own answer is the readiness check: the router has not opened its socket yet.
                router = self._member_behind(operation)
                if router is not None and router.started and not router.running:
                    raise self._failed(router, "the log router exited before it opened its socket") from error
                if time.monotonic() > deadline:
                    raise TaskError(
                        f"the log router did not open its socket within {operation.timeout} s",
                        hint="`copilot-local firelens config` shows what it runs on",
                    ) from error
                self._pause(SOCKET_POLL)
            except EngineError as error:
                if (
                    NO_IPV6_REFUSED in str(error)
                    and (made := self._made.get(operation.subject))
                    and NO_IPV6 in made.sysctls
                ):
                    # A kernel without IPv6: nothing is to be switched off there.
                    rest = {name: value for name, value in made.sysctls.items() if name != NO_IPV6}
                    self.engine.remove(made.name)
                    self._create(replace(operation, spec=replace(made, sysctls=rest)))
                    continue
                if lowered or operation.spec is None or RLIMIT_REFUSED not in str(error):
                    if isinstance(error, (EngineTimeout, EngineUnavailable)) or not _may_fail(operation):
                        raise
                    raise self._given_up(operation, error.message, error) from error
                lowered = True
                self._create_with_lower_limit(operation, operation.spec)
        if self.on_started is not None and operation.spec is not None:
            self.on_started(operation.spec)

    def _create_with_lower_limit(self, operation: Operation, spec: ContainerSpec) -> None:
        """Makes the container anew with an open-file limit that a daemon may give which cannot raise its own."""
        self.engine.remove(spec.name)
        self._create(replace(operation, spec=_with_lower_limit(spec)))
        if self.engine not in _LOWERED:
            _LOWERED.add(self.engine)
            remember_low_limit(self.engine.info())
        self._tell_of_limit()

    def _has_low_limit(self) -> bool:
        """Whether it is known of this daemon that it cannot give Fargate's open-file limit."""
        if self.engine not in _LOWERED and has_low_limit(self.engine.info()):
            _LOWERED.add(self.engine)
        return self.engine in _LOWERED

    def _tell_of_limit(self) -> None:
        """Once for each plan's executor: several containers find it out at the same time."""
        if not self._told_of_limit:
            self._told_of_limit = True
            message = f"this Docker daemon cannot give containers Fargate's open-file limit; they get {NO_FILE.hard}"
            self.emit(Event(EventKind.WARNING, "nofile", message))

    def _member_behind(self, operation: Operation) -> Member | None:
        task = self._task(operation.task_id)
        return task.router if task else None

    def _await(self, operation: Operation) -> None:
        deadline = time.monotonic() + operation.timeout
        while True:
            task = self._task(operation.task_id)
            if task is not None and self._holds(operation, task):
                return
            if time.monotonic() > deadline:
                error = TaskError(
                    f"{operation.waiting} waited {operation.timeout} s for {operation.subject} to be "
                    f"{operation.condition}",
                    hint="look at its log: copilot-local logs",
                )
                member = _awaited(operation, task)
                if member is None:
                    raise error
                raise NeverStarts(operation.waiting, TIMED_OUT.format(member.name, operation.waiting), error)
            self._pause(POLL)

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
            error = self._failed(member, f"{operation.waiting} needs it to succeed")
            raise NeverStarts(operation.waiting, UNSUCCESSFUL.format(member.name, operation.waiting), error)
        self._refuse_broken(task)
        if waits_for_ever(operation.condition, member):
            error = self._failed(member, f"{operation.waiting} needs it to be healthy, and stays PENDING as on ECS")
            self.emit(Event(EventKind.WARNING, f"{task.service} {task.short_id}", error.message))
            raise NeverStarts(operation.waiting, None, error)
        return False

    def _refuse_broken(self, task: Task) -> None:
        """Raises what ends a task, where something does. A container that is only being made anew does not."""
        dead = [m for m in task.members.values() if m.essential and m.started and not m.running]
        for member in dead:
            if member.container.exit_code is not None and not may_restart(member):
                raise self._failed(member, "it is essential, so its task stops")
        if not dead and (reason := task.fault(())):
            raise TaskError(f"task {task.short_id}: {reason}")

    def _lose(self, operation: Operation, lost: NeverStarts) -> None:
        """Passes on that what is awaited, or the container itself, will never start."""
        if operation.verb is Verb.AWAIT:
            raise lost.of_dependent(operation.waiting)
        if operation.verb is not Verb.START_CONTAINER or operation.spec is None:
            return
        name = operation.spec.labels.get(names.CONTAINER, "")
        own = lost if lost.container == name else lost.of_dependent(name)
        if own.reason is None:
            raise own
        raise self._given_up(operation, own.reason, own.error)

    def _given_up(self, operation: Operation, reason: str, error: CopilotLocalError) -> CopilotLocalError | NeverStarts:
        """Leaves a mark in place of a container that will not start; returns what that means for its task."""
        assert operation.spec is not None
        spec, why = operation.spec, cannot_start(reason)
        self.engine.remove(spec.name)
        self._create(replace(operation, spec=replace(spec, labels={**spec.labels, names.GIVEN_UP: why}), files=()))
        if not _may_fail(operation):
            error.hint = error.hint or f"ECS says: {why}"
            return error
        subject = f"{spec.labels.get(names.SERVICE, '')}/{spec.labels.get(names.CONTAINER, '')}"
        message = f"it never starts: {error.message}. It is not essential, so its task goes on without it"
        self.emit(Event(EventKind.WARNING, subject, message))
        return NeverStarts(spec.labels.get(names.CONTAINER, ""), reason, error)

    def _steady(self, task: Task) -> bool:
        self._refuse_broken(task)
        checked = [m.container.health for m in task.members.values() if m.container.health is not Health.NONE]
        if any(health is not Health.HEALTHY for health in checked):
            return False
        return self.target_healthy is None or self.target_healthy(task.id)

    def _stop(self, operation: Operation) -> None:
        task = self._task(operation.task_id)
        if task is not None and task.router is not None and task.router.container.name == operation.subject:
            self._settle(task)  # what its containers printed last may be on its way to it
        try:
            self.engine.stop(operation.subject, operation.timeout)
        except EngineTimeout:
            # Its log driver may hang on a router that died meanwhile: give it somebody who listens, and ask again.
            task = self._task(operation.task_id)
            members = task.members.values() if task else ()
            if not any(m.logs_to_router and m.container.name == operation.subject for m in members):
                raise
            self._revive(operation.task_id)
            self.engine.stop(operation.subject, operation.timeout)

    def _withdraw(self, operation: Operation) -> None:
        try:
            self.connect.withdraw(operation.task_id)
        except EngineError as error:  # no reason not to stop it
            self.emit(Event(EventKind.WARNING, operation.subject, str(error)))

    def _revive(self, task_id: str) -> None:
        """Makes something take what a task's containers log: the router, else the task's relay, else a drain."""
        task = self._task(task_id)
        if task is None:
            return
        up = task.router is not None and self._stays_up(task.router.container.name, task_id)
        if up and not task.lost_relay:
            return
        subject = f"{task.service} {task.short_id}"
        if task.relay is not None:
            message = "the log router does not stay up; what its containers log goes to the log store"
            self.emit(Event(EventKind.WARNING, subject, message))
            return
        if not self.drain_image:
            raise TaskError(
                f"the log router of {task.short_id} does not stay up, and no image is there for a drain in its place",
                hint="containers that log to it cannot be stopped until something listens: `make setup`, then again",
            )
        what = "relay of its log router is gone" if up else "log router does not stay up"
        self.emit(Event(EventKind.WARNING, subject, f"the {what}; a drain takes its place"))
        open_drain(self.engine, self.names, task.service, task.id, self.drain_image)

    def _settle(self, task: Task) -> None:
        """Waits until the task's relay holds nothing any more; where no router runs, it writes to the log store."""
        if task.relay is None:
            return
        try:
            result = self.engine.exec(task.relay.name, SETTLE, timeout=SETTLE_TIMEOUT)
        except EngineError as error:
            message = f"records may be missing: the log router did not take them in time: {error}"
            self.emit(Event(EventKind.WARNING, f"{task.service} {task.short_id}", message))
            return
        written = result.stdout.decode(errors="replace").strip()
        if written.isdecimal() and int(written):
            message = f"{written} records went to the log store past the log router, which was gone"
            self.emit(Event(EventKind.WARNING, f"{task.service} {task.short_id}", message))

    def _stays_up(self, router: str, task_id: str) -> bool:
        """Starts a log router again; whether it runs on."""
        try:
            self.engine.start(router)
        except EngineError as error:
            self.emit(Event(EventKind.WARNING, router, f"the log router cannot be started again: {error}"))
            return False
        until = time.monotonic() + self.revival
        while (task := self._task(task_id)) and task.router is not None and task.router.running:
            if time.monotonic() > until:
                return True
            time.sleep(min(POLL, self.revival))
        return False

    def _task(self, task_id: str) -> Task | None:
        return observe(self.engine, self.names).tasks.get(task_id)

    def _remove_volumes(self, subject: str) -> None:
        """Removes the volume of that name, or all volumes of the task of that id, and what of it still uses them."""
        for container in self.engine.list_containers({**self.names.labels(), names.TASK: subject}):
            self.engine.remove(container.name)
        for volume in self.engine.list_volumes({**self.names.labels(), names.TASK: subject}) or [subject]:
            remove_volume(self.engine, volume)

    def _failed(self, member: Member, why: str) -> ContainerFailed:
        return container_failed(self.engine, member, why)

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds) or self.cancelled.is_set():
            raise Cancelled


def remove_volume(engine: Engine, volume: str) -> None:
    """Removes a volume; Docker may call it in use for a moment after its last container went."""
    for _ in range(20):
        try:
            engine.remove_volume(volume)
            return
        except Conflict:
            time.sleep(0.1)
    engine.remove_volume(volume)


def _with_lower_limit(spec: ContainerSpec) -> ContainerSpec:
    limits = tuple(
        NO_FILE if limit.name == NO_FILE.name and limit.hard > NO_FILE.hard else limit for limit in spec.ulimits
    )
    return replace(spec, ulimits=limits)


def _awaited(operation: Operation, task: Task | None) -> Member | None:
    """The container whose condition is awaited."""
    members = task.members.values() if task is not None else ()
    return next((member for member in members if member.container.name == operation.subject), None)


def _may_fail(operation: Operation) -> bool:
    """Whether a task goes on without the container that an operation starts."""
    return operation.spec is not None and operation.spec.labels.get(names.ESSENTIAL) == "false"
