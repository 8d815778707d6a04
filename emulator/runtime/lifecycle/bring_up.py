"""Brings up an environment that was claimed; rolls it back if something fails."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from emulator.engine.interface import ContainerState, Engine
from emulator.errors import TAKEN_DOWN, ContainerFailed, CopilotLocalError, EngineError, EnvironmentBusy
from emulator.events import Emit, Event, EventKind, discard
from emulator.runtime.control import direct
from emulator.runtime.control.client import Agent, Lease
from emulator.runtime.control.http import AgentError
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.execution.executor import Executor
from emulator.runtime.health.container_failure import container_failed
from emulator.runtime.health.own_address import LISTENS_WITHIN, OwnAddresses
from emulator.runtime.health.status import StatusOverLease
from emulator.runtime.lifecycle.contention import REMOVAL, STOPPED_AGENT
from emulator.runtime.lifecycle.down import down, remove_all
from emulator.runtime.lifecycle.environment_lock import Claim, not_removed
from emulator.runtime.lifecycle.join import agent_failed
from emulator.runtime.lifecycle.provide import beside_of, provide
from emulator.runtime.lifecycle.running import Running, check_front, taken_down, wait_healthy
from emulator.runtime.listeners.front_ports import balanced
from emulator.runtime.planning.reconcile import reconcile
from emulator.runtime.planning.up_request import UpRequest
from emulator.runtime.specs.aws.endpoint import wants_endpoint
from emulator.runtime.specs.connect.endpoints import FirstFiles
from emulator.runtime.specs.load_balancer import FrontControl, front_specs
from emulator.runtime.specs.restart import may_restart
from emulator.runtime.specs.service_connect import ServiceConnect
from emulator.runtime.specs.task import task_factory
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.observed import Looks, Observed, observe

LOOK = 0.05
WHILE = " while it came up"
SAYS_WITHIN = 1.0
"""Seconds in which an agent says whether a `down` has told it to go."""


@dataclass
class Bringup:
    """One bring-up under a claim.

    `agent_timeout` is how many seconds the agent may take to answer; new containers are watched for `first_moments`
    seconds.
    """

    engine: Engine
    request: UpRequest
    state: DesiredState
    observed: Observed
    claim: Claim
    emit: Emit
    cancelled: threading.Event
    before_remove: Callable[[str], None] | None
    agent_timeout: float
    first_moments: float

    def __post_init__(self) -> None:
        self.private = self.request.private
        self.names = self.request.environment

    def run(self) -> Running:
        """Starts everything; returns the environment, with its lease still held.

        Raises the `CopilotLocalError` that says what failed, and `EnvironmentBusy` where another command holds the
        environment.
        """
        try:
            lock = self.claim.lock()
        except BaseException:
            give_up(self.claim, self.emit)
            raise
        try:
            with beside_of(self.request)(self.engine, self.request, self.emit, self.cancelled):
                self._provide()
            lease = self.claim.give(self.state, self.private)
            self._execute(lease)
            running = Running(self.engine, self.names, self.state, self._answer(lease), fresh=True, agent=lock)
            addresses = OwnAddresses(self.engine, self.state, self.emit)
            self._check_alive(addresses)
            if self.request.wait:
                wait_healthy(running, self.cancelled, self.request.settings.time.wait_timeout, self.emit)
            if not self.request.foreground:  # which goes on looking by itself
                addresses.wait(self.names, self.cancelled, LISTENS_WITHIN if self.request.wait else 0.0)
            self.claim.keep_lease()
            return running
        except EnvironmentBusy as error:
            raise taken_down(self.names, WHILE) from error  # by a `down` that removes what is ours too
        except BaseException as error:
            holder = self._holder(lock, error)
            if holder in ("", lock) and not self._take_back(lock, holder):
                holder = ""
            if holder != lock and isinstance(error, CopilotLocalError):
                raise taken_down(self.names, WHILE) from error
            raise
        finally:
            self.claim.close()

    def _take_back(self, lock: str, holder: str) -> bool:
        """Rolls back, or retains; returns whether what is there was not another command's."""
        if not self.request.retain:
            return take_back(self.claim, lock, self.emit, taken_down=not holder, before_remove=self.before_remove)
        try:
            self.engine.remove(lock)  # it would take charge, and replace what is to be looked at
            self.emit(Event(EventKind.INFO, self.names.app, "kept as it is; `copilot-local down` removes it"))
        except CopilotLocalError as error:
            _tell_left(self.claim, [not_removed(error)], self.emit)
        return True

    def _provide(self) -> None:
        """What services live with is there before the agent hears of them: they are told its addresses."""
        if any(wants_endpoint(desired) for desired in self.state.services.values()):
            self.state, self.private = provide(
                self.engine, self.request, self.state, self.observed, self.emit, self.cancelled
            )
            self.observed = observe(self.engine, self.names)

    def _holder(self, lock: str, error: BaseException) -> str:
        """The id of the environment's agent after an error: ours (`lock`, also where Docker does not say), that of
        a later command, or "" where it is gone, or goes since a `down` told it to."""
        if isinstance(error, AgentError) and error.message == TAKEN_DOWN:
            return ""
        ends, heard, silent = time.monotonic(), False, False
        if isinstance(error, EngineError | ContainerFailed):
            ends += REMOVAL  # what is being removed stops first: that is heard before it is gone from the listing
        while True:
            try:
                agent = observe(self.engine, self.names).agent
            except CopilotLocalError:
                break
            if agent is None or agent.id != lock:
                return agent.id if agent is not None else ""
            if agent.state is ContainerState.RUNNING and not heard:
                going = self._is_going()
                if going:
                    return ""
                heard = going is not None
                if not heard and not silent:  # it may have been killed while it was asked, or the machine be busy
                    silent, ends = True, time.monotonic() + STOPPED_AGENT
                    continue
            lasts = 0.0 if agent.state in (ContainerState.CREATED, ContainerState.RUNNING) else STOPPED_AGENT
            if time.monotonic() > ends + lasts:
                break
            time.sleep(0.05)
        return lock

    def _is_going(self) -> bool | None:
        """Whether the agent says so; None where it says nothing."""
        with contextlib.suppress(CopilotLocalError):
            return bool(Agent(self.engine, self.names, timeout=SAYS_WITHIN).status().get("going"))
        return None

    def _answer(self, lease: Future[Lease]) -> Lease:
        """What the agent answers, which it should have done by now."""
        try:
            return lease.result(self.agent_timeout)
        except TimeoutError:
            raise agent_failed(self.engine, self.names, f"no answer within {self.agent_timeout:g} s") from None

    def _execute(self, lease: Future[Lease]) -> None:
        factory = task_factory(self.state, self.private, self.engine)
        result = reconcile(factory, self.observed, front_specs(self.state), network_exists=True)
        first = FirstFiles(self.engine, self.names, lambda: self.state)
        front = FrontControl(self.names)
        front.use(self.state, self.private.certificates)
        executor = Executor(
            self.engine,
            self.names,
            front,
            self.emit,
            cancelled=self.cancelled,
            drain_image=self.state.agent_image,
            connect=ServiceConnect(self.engine, self.names, first, lambda: self.state),
            known=StatusOverLease(lambda: lease.result() if lease.done() else None, self.state).known,
        )
        executor.run(result.plan)

    def _check_alive(self, addresses: OwnAddresses) -> None:
        """An essential container that exits at once is a failed start, not a running task. Where nothing else is waited
        for, the containers are watched for a moment: they have only just been started. In its second half it is looked
        where programs listen."""
        moments = 0.0 if self._judged_by_health() else self.first_moments
        until = time.monotonic() + moments
        looks = Looks(self.engine, self.names)
        while True:
            observed = looks.look()
            if observed is None:
                if self.cancelled.wait(LOOK):
                    raise Cancelled
                continue
            check_front(self.engine, observed)
            if self.request.foreground:
                return  # the foreground command sees it exit, and shows its output
            for task in observed.service_tasks:
                for member in task.members.values():
                    if member.essential and member.ended and not may_restart(member):
                        raise container_failed(
                            self.engine, member, "an essential container of the task has to keep running"
                        )
            if moments and time.monotonic() >= until - moments / 2:
                addresses.look_now(observed)
                moments = 0.0
            if time.monotonic() >= until:
                return
            if self.cancelled.wait(LOOK):
                raise Cancelled

    def _judged_by_health(self) -> bool:
        """Whether every service has a target whose health is waited for afterwards."""
        return self.request.wait and all(any(balanced(d.service)) for d in self.state.services.values())


def take_back(
    claim: Claim,
    lock: str,
    emit: Emit,
    *,
    taken_down: bool = False,
    only_agent: bool = False,
    before_remove: Callable[[str], None] | None = None,
) -> bool:
    """Rolls back a bring-up that holds the environment by the agent of the id `lock`; never masks the original error.

    Where that agent is gone, or `taken_down` says that it goes, another command's `down` has decided which data stays;
    `only_agent` says that nothing else was made, so nothing is left then. An agent of another id is another command's,
    and so is all that is there: returns False.
    """
    engine, environment, image = claim.engine, claim.names, claim.image
    try:
        with direct.alone(environment):
            agent = observe(engine, environment).agent
            if agent is not None and agent.id != lock:
                return False
            if agent is None and only_agent:
                return True
            ours = agent is not None and not taken_down
            down(engine, environment, discard, timeout=2, before_remove=before_remove, agent_image=image)
            lefts = remove_all(engine, environment, volumes=ours, keep=claim.existing_volumes, drain_image=image())
        _tell_left(claim, lefts, emit)
    except CopilotLocalError as error:
        _tell_left(claim, [not_removed(error)], emit)
    return True


def give_up(claim: Claim, emit: Emit) -> None:
    """Takes a claim back that no task was made for."""
    try:
        take_back(claim, claim.lock(), emit, only_agent=True)
    except CopilotLocalError:  # it took itself back, or another command holds the environment
        claim.undo_rest()
        _tell_left(claim, claim.left, emit)
    finally:
        claim.close()


def _tell_left(claim: Claim, lefts: list[str], emit: Emit) -> None:
    for left in lefts:
        emit(Event(EventKind.WARNING, claim.names.app, left))
