"""Carries out a plan, in parallel along its edges; containers are started, awaited and stopped by others."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import cached_property
from typing import TYPE_CHECKING, Any

from emulator.engine.interface import ContainerState, Engine
from emulator.errors import Conflict, ContainerFailed, EngineError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.execution.archive_output import Keeper, Store
from emulator.runtime.execution.context import POLL, Cancelled, Execution
from emulator.runtime.execution.stop_container import REVIVAL, ContainerStopper
from emulator.runtime.planning.dependencies import NeverStarts
from emulator.runtime.specs.service_connect import ServiceConnect
from emulator.runtime.state import names
from emulator.runtime.state.names import Names
from emulator.runtime.state.operations import TASK_STEADY, Operation, Plan, Verb

if TYPE_CHECKING:
    from emulator.runtime.execution.start_container import ContainerStarter
    from emulator.runtime.execution.wait_condition import ConditionWaiter
    from emulator.runtime.health.watch import Known
    from emulator.runtime.specs.load_balancer import FrontControl
    from emulator.runtime.state.observed import Observed, Task

Shift = Callable[[str, Emit, threading.Event], None]
"""Lets the requests of a service go over to its new tasks, and returns once the old ones may stop; ends early where the
event is set. Raises what keeps them from it."""

PARALLEL = 16
PROXIES_HEAR = 0.4
"""Seconds until all proxies have read that a task is withdrawn."""
STOPPING = frozenset(
    {Verb.REVIVE_ROUTER, Verb.STOP_CONTAINER, Verb.REMOVE_CONTAINER, Verb.REMOVE_VOLUME, Verb.REMOVE_NETWORK}
)
"""What the plan of `down` consists of."""


class Executor:
    """Runs plans against an engine. What a plan that only stops does not need is not imported for it.

    `before_remove` hears of every container before it is removed. `front` is None for a plan that only stops.
    `target_healthy` is what the front says of a task; without it the containers' own health decides. `known` is what
    the agent knows of the tasks' health, by which is said why one is waited for. For `first_moments` seconds a new task
    that nothing judges is watched. `kills`: where it is cancelled, containers that are being stopped are killed.
    `store` writes into the log store, as `Keeper` needs it. `stops_since`: when, of the monotonic clock, the agent
    began to stop `stopped_by_agent`, whose end is waited for. Without `shift` old tasks stop once new ones are steady,
    whatever the strategy.
    `gives_up`: whether the service scheduler replaces a task that is awaited. `observed`: what the caller has listed.
    """

    def __init__(
        self,
        engine: Engine,
        environment: Names,
        front: FrontControl | None,
        emit: Emit,
        *,
        cancelled: threading.Event | None = None,
        before_remove: Callable[[str], None] | None = None,
        target_healthy: Callable[[str], bool] | None = None,
        drain_image: str = "",
        revival: float = REVIVAL,
        keep_output: bool = True,
        connect: ServiceConnect | None = None,
        known: Callable[[], Known | None] = lambda: None,
        first_moments: float = 0.0,
        kills: bool = False,
        store: Store | None = None,
        stops_since: float | None = None,
        stopped_by_agent: Collection[str] = (),
        shift: Shift | None = None,
        gives_up: Callable[[Task], bool] = lambda _: False,
        observed: Observed | None = None,
    ) -> None:
        self.engine = engine
        self.names = environment
        self._front = front
        self.emit = emit
        self.cancelled = cancelled or threading.Event()
        self.before_remove = before_remove
        self.aws_answer: Mapping[str, Any] = {}
        """What the local AWS endpoint answered, once a plan has prepared it."""
        self.keep_output = keep_output
        self.connect = connect or ServiceConnect(engine, environment)
        self._execution = Execution(engine, environment, emit, self.cancelled, observed)
        self._kept: set[str] = set()
        self._kept_changed = threading.Condition()
        self._keeper = Keeper(engine, environment, self._execution.warn, store, self._execution.known)
        self._target_healthy = target_healthy
        self._known = known
        self._first_moments = first_moments
        self._kills = kills
        self._shift = shift
        self._gives_up = gives_up
        self._stopper = ContainerStopper(self._execution, drain_image, revival, stops_since, stopped_by_agent)

    @property
    def front(self) -> FrontControl:
        """The load balancers; a plan that configures or creates them needs one."""
        assert self._front is not None, "the plan has an operation on a load balancer"
        return self._front

    @cached_property
    def _starter(self) -> ContainerStarter:
        from emulator.runtime.execution.start_container import ContainerStarter

        return ContainerStarter(self._execution)

    @cached_property
    def _waiter(self) -> ConditionWaiter:
        from emulator.runtime.execution.wait_condition import ConditionWaiter

        return ConditionWaiter(self._execution, self._target_healthy, self._known, self._first_moments, self._gives_up)

    def run(self, plan: Plan, *, closes: bool = True) -> None:
        """Carries out every operation; raises the first error after those under way have ended. Without `closes` the
        caller calls `close` afterwards."""
        self._execution.stopping.clear()
        verbs = {operation.verb for operation in plan.operations}
        if not verbs <= STOPPING:
            _ = self._starter, self._waiter  # made here once, not by several threads
        waiting = {operation.id: operation for operation in plan.operations}
        done: set[int] = set()
        lost: dict[int, NeverStarts] = {}
        running: dict[Future[None], Operation] = {}
        error: BaseException | None = None
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="plan") as pool:
            while waiting or running:
                if error is None and self.cancelled.is_set():
                    error = Cancelled()
                    self._execution.stopping.set()
                    if self._kills:
                        self._kill([o.subject for o in running.values() if o.verb is Verb.STOP_CONTAINER])
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
                    if isinstance(problem, NeverStarts):
                        lost[operation.id] = problem
                    if problem is None or operation.id in lost:
                        done.add(operation.id)
                    elif error is None or isinstance(error, Cancelled):
                        error = problem if not isinstance(problem, Cancelled) or error is None else error
                        self._execution.stopping.set()
        if closes:
            self.close()
        if error is not None:
            raise error

    def _kill(self, containers: list[str]) -> None:
        """Docker, which waits for each until its timeout, returns then."""
        for container in containers:
            with contextlib.suppress(EngineError):  # it is removed by force afterwards
                self.engine.kill(container)

    def prepare_to_keep(self) -> None:
        """Makes what output is kept with, while a plan that stops containers is carried out."""
        if self.keep_output:
            self._keeper.prepare()

    def await_kept(self, containers: set[str]) -> None:
        """Waits until the output of these, which the plan removes, is kept, or the plan is not carried on."""
        with self._kept_changed:
            while not (containers <= self._kept or self._execution.stopping.is_set()):
                self._kept_changed.wait(POLL)

    def keep_left(self) -> None:
        """Kills what a plan has left of containers whose output is kept here, and keeps it."""
        if self.keep_output:
            self._keeper.keep_left()

    def close(self) -> None:
        """Removes what it made for itself."""
        self._keeper.close()

    def _perform(self, operation: Operation, lost: NeverStarts | None = None) -> None:
        """`lost`: what this operation needs will never start."""
        if self._execution.stopping.is_set():
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
        message = ""
        try:
            if operation.verb is Verb.STOP_CONTAINER:
                message = self._stopper.stop(operation)
            else:
                self._do(operation)
        except Cancelled:
            raise
        except Exception as error:
            fields["task_goes_on"] = isinstance(error, NeverStarts)
            self.emit(Event(EventKind.STEP_FAILED, subject, str(error), {**fields, **_last_words(error)}))
            raise
        seconds = round(time.monotonic() - began, 3)
        self.emit(Event(EventKind.STEP_DONE, subject, message, {**fields, "seconds": seconds}))

    def _do(self, operation: Operation) -> None:
        match operation.verb:
            case Verb.CREATE_NETWORK:
                self.engine.ensure_network(operation.subject, operation.labels)
            case Verb.CREATE_VOLUME:
                self.engine.ensure_volume(operation.subject, operation.labels)
            case Verb.CREATE_CONTAINER:
                self._starter.create(operation)
                self.front.prepare(self.engine, operation.subject)
            case Verb.START_CONTAINER:
                self._starter.start(operation)
            case Verb.AWAIT:
                self._waiter.wait(operation)
            case Verb.PREPARE_AWS:
                from emulator.runtime.specs.aws.endpoint import prepare_aws

                self.aws_answer = prepare_aws(self.engine, operation.subject, operation.aws_request)
            case Verb.AWAIT_DATABASE:
                from emulator.runtime.execution.database import await_database

                await_database(self._execution, operation)
            case Verb.GIVE_ACCOUNT:
                from emulator.runtime.execution.database import give_account

                give_account(self._execution, operation, self.aws_answer)
            case Verb.CONFIGURE_FRONT:
                self.front.configure(self.engine, operation.subject)
            case Verb.SHIFT_TRAFFIC:
                if self._shift is not None:
                    self._shift(operation.subject, self.emit, self._execution.stopping)
            case Verb.DEREGISTER:
                self.front.deregister(self.engine, operation.task_id, operation.timeout)
            case Verb.AWAIT_PROXY:
                from emulator.runtime.specs.connect.proxy import await_proxy

                assert operation.spec is not None
                await_proxy(self.engine, operation.spec)
            case Verb.WRITE_NAMES:
                self.connect.refresh()
            case Verb.WITHDRAW_NAME:
                self._withdraw(operation)
            case Verb.REVIVE_ROUTER:
                self._stopper.revive(operation.task_id)
            case Verb.REMOVE_CONTAINER:
                if self.before_remove is not None:
                    self.before_remove(operation.subject)
                if self.keep_output and operation.task_id:
                    self._keeper.keep(operation.subject)
                    with self._kept_changed:
                        self._kept.add(operation.subject)
                        self._kept_changed.notify_all()
                if operation.task_id:
                    self._settle(operation)
                self.engine.remove(operation.subject)
            case Verb.REMOVE_VOLUME:
                self._remove_volumes(operation.subject)
            case Verb.REMOVE_NETWORK:
                with contextlib.suppress(EngineError):  # something else is in it: `down` asks again, and says so
                    self.engine.remove_network(operation.subject)

    def _settle(self, operation: Operation) -> None:
        """Has the relay that is about to be removed store what the router, which has ended, left in its buffer."""
        container = self._execution.known(operation.subject)
        if container is not None and names.RELAY in container.labels:
            task = self._execution.task(operation.task_id)
            if task and task.relay and task.relay.name == operation.subject:
                self._stopper.settle(task)

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
        raise self._starter.give_up(operation, own.reason, own.error)

    def _withdraw(self, operation: Operation) -> None:
        try:
            self.connect.withdraw(operation.task_id)
            task = self._execution.task(operation.task_id)
            if task is not None and task.proxy is not None and task.proxy.state is ContainerState.RUNNING:
                from emulator.runtime.specs.connect.proxy import drain_proxy

                self._execution.pause(PROXIES_HEAR)
                drain_proxy(self.engine, task.proxy.name)
        except EngineError as error:  # no reason not to stop it
            self._execution.warn(operation.subject, str(error))

    def _remove_volumes(self, subject: str) -> None:
        """Removes what is left of the task of that id, or else the volume of that name."""
        if not remove_rest(self.engine, self.names, subject):
            remove_volume(self.engine, subject)


def remove_rest(engine: Engine, environment: Names, task_id: str) -> bool:
    """Removes what a stopped task has left: volumes, and what still uses them. Whether there was a volume."""
    for container in engine.list_containers({**environment.labels(), names.TASK: task_id}):
        engine.remove(container.name)
    volumes = engine.list_volumes({**environment.labels(), names.TASK: task_id})
    for volume in volumes:
        remove_volume(engine, volume)
    return bool(volumes)


def remove_volume(engine: Engine, volume: str) -> None:
    """Removes a volume; Docker may call it in use for a moment after its last container went."""
    for _ in range(20):
        try:
            engine.remove_volume(volume)
            return
        except Conflict:
            time.sleep(0.1)
    engine.remove_volume(volume)


def _last_words(error: Exception) -> dict[str, str | int | float | bool]:
    """What a container that failed printed last: often the reason, long before the command gives up."""
    lines = [line for line in error.output if line.strip()] if isinstance(error, ContainerFailed) else []
    return {"container": error.container, "output": lines[-1]} if isinstance(error, ContainerFailed) and lines else {}
