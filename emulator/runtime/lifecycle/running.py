"""An environment that is up: its addresses, its health, its end."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from emulator.ecs.service import Redirect
from emulator.engine.interface import ContainerState, Engine, Health
from emulator.errors import ContainerFailed, CopilotLocalError, EngineError, EngineTimeout, TaskError
from emulator.events import Emit, Event, EventKind, discard
from emulator.frontdoor.balancers import Balancer, balancer_of
from emulator.runtime.control import direct
from emulator.runtime.control.client import Agent, Lease, Message
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.health.container_failure import LAST_LINES, container_failed, last_lines
from emulator.runtime.health.early import judged, starting
from emulator.runtime.health.reasons import GOOD_STATES
from emulator.runtime.health.watch import LOOK, HealthWatch, Known, hopeless, known_from
from emulator.runtime.lifecycle.down import down
from emulator.runtime.listeners.front_ports import balanced, host_ports, listeners_of, routes
from emulator.runtime.listeners.front_probe import is_local
from emulator.runtime.listeners.probe import silent
from emulator.runtime.listeners.published import PublishedListener
from emulator.runtime.specs.load_balancer import front_specs
from emulator.runtime.specs.restart import may_restart
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Looks, Member, Observed, Task, observe

POLL = 0.25
HEALTH_POLL = 0.03
BETWEEN_LISTINGS = 0.2
"""Seconds: health is mostly the agent's to say, which costs Docker nothing."""
RESTART_TIMEOUT = 5.0
"""Seconds within which the agent starts a container again that its restart policy covers."""


@dataclass(slots=True)
class Running:
    """An environment that is up. `lease` is None where its agent is in control already. `agent` is that one's id, by
    which what runs is known as this command's; empty where it was there before."""

    engine: Engine
    environment: Names
    state: DesiredState
    lease: Lease | None
    fresh: bool
    agent: str = ""
    trust_hint: str = ""
    """How programs are made to trust the certificates; empty where they do, or there are none."""

    @property
    def url(self) -> str | None:
        """HTTP address of the public load balancer, otherwise of the internal one; None where nothing is routed."""
        for balancer in Balancer:
            if routes(self.state, balancer):
                return f"http://127.0.0.1:{host_ports(self.state, balancer)[0]}"
        return None

    @property
    def addresses(self) -> list[str]:
        """All addresses: public before internal, HTTPS before HTTP."""
        return [listener.url for listener in self._listeners]

    @property
    def where(self) -> str:
        """The addresses in words; empty where there is none."""
        plain = [one for one in self._listeners if not self._redirects(one)]
        words = [f"{one.url}, the internal one" if one.is_internal else one.url for one in plain]
        first, *others = words or [""]
        more = [f"also {'; '.join(others)}"] if others else []
        for one in self._listeners:
            if self._redirects(one):
                more.append(
                    f"{one.url}, the internal one, redirects" if one.is_internal else f"{one.url} redirects there"
                )
        return f"{first} ({'; '.join(more)})" if more else first

    def _redirects(self, listener: PublishedListener) -> bool:
        """Whether it does nothing but redirect to HTTPS."""
        if listener.service or listener.protocol != "HTTP":
            return False
        actions = [
            rule.action
            for desired in self.state.services.values()
            if balancer_of(desired.service).value == listener.load_balancer
            for rule in desired.service.listener_rules
            if rule.listener == "HTTP"
        ]
        return bool(actions) and all(isinstance(one, Redirect) and one.protocol == "HTTPS" for one in actions)

    @property
    def _listeners(self) -> list[PublishedListener]:
        return sorted(listeners_of(self.state), key=lambda one: (one.is_internal, one.protocol != "HTTPS"))

    def ready(self, doing: str) -> str:
        """A sentence for the foreground command: the address, and what Ctrl-C does."""
        at = f"Running at {self.where}" if self.where else "Running"
        if self.fresh:
            return f"{at}{doing}. Press Ctrl-C to stop."
        return f"{at}{doing}. It was running before: Ctrl-C ends this command and leaves it running."

    def tell_trust(self, emit: Emit) -> None:
        """Says how programs are made to trust the certificates, where they do not yet."""
        if self.trust_hint:
            emit(Event(EventKind.INFO, "HTTPS", self.trust_hint))

    def hand_over(self) -> None:
        """Releases the lease: the agent takes over."""
        if self.lease is not None:
            self.lease.hand_over()
            self.lease = None

    def close(self) -> None:
        """Ends a lease that was not released."""
        if self.lease is not None:
            self.lease.close()
            self.lease = None

    def wait_for_exit(
        self, interrupted: threading.Event, on_look: Callable[[Observed], None] = lambda _: None
    ) -> Member | None:
        """Blocks until an essential container exits, and returns it; None where it is interrupted, or another command
        has removed all.

        A container with a restart policy has `RESTART_TIMEOUT` seconds to be started again by the agent. An agent that
        has stopped, as `down` makes it, has as long to go, and one that says that it is going ends the environment
        itself. `on_look` gets every listing. Raises `EngineError` as `Looks` does.
        """
        exited: dict[str, float] = {}
        looks = Looks(self.engine, self.environment)
        while not interrupted.is_set():
            observed = looks.look()
            if observed is None:
                interrupted.wait(POLL)
                continue
            if observed.agent is None or self._is_of_another(observed):  # `down` begins with it
                return None
            on_look(observed)
            for task in observed.service_tasks:
                for member in task.members.values():
                    if not member.essential or not member.started or member.running:
                        exited.pop(member.container.id, None)
                        continue
                    since = exited.setdefault(member.container.id, time.monotonic())
                    judged = observed.agent.state is ContainerState.RUNNING and not _may_run_again(member)
                    if (judged or time.monotonic() - since > RESTART_TIMEOUT) and not self._is_going():
                        return member
            interrupted.wait(POLL)
        return None

    def end(self, emit: Emit, killed: threading.Event, before_remove: Callable[[str], None]) -> bool:
        """Takes down what this command has started, at once where it is `killed`. Returns False where another command
        has the environment by now: then all that is there is that one's, and stays."""
        with direct.alone(self.environment):
            if self._is_of_another(observe(self.engine, self.environment)):
                return False
            down(
                self.engine,
                self.environment,
                emit,
                cancelled=killed,
                before_remove=before_remove,
                agent_image=lambda: self.state.agent_image,
            )
        return True

    def _is_of_another(self, observed: Observed) -> bool:
        return bool(self.agent) and observed.agent is not None and observed.agent.id != self.agent

    def _is_going(self) -> bool:
        """Whether the agent says that a `down` told it to go."""
        with contextlib.suppress(CopilotLocalError, OSError):
            return bool(_status(self).get("going"))
        return False


def _may_run_again(member: Member) -> bool:
    """Whether a container that does not run is no failure yet: its policy starts it again, or it is removed to be made
    anew, as one is that Docker refused to start with Fargate's limits; the listing does not say that it never ran."""
    return may_restart(member) or member.container.state is ContainerState.REMOVING


def taken_down(environment: Names, when: str = "") -> TaskError:
    """The error of a command whose environment another command removed."""
    where = f"{environment.app}/{environment.environment}"
    return TaskError(f"{where} was taken down by another command{when}", hint="run `copilot-local up` again")


def check_front(engine: Engine, observed: Observed) -> None:
    """Raises `ContainerFailed` with HAProxy's last words where the front does not stay up."""
    for front in observed.fronts:
        if front.state in (ContainerState.RUNNING, ContainerState.CREATED):
            continue
        lines = last_lines(engine, front.name, LAST_LINES)
        raise ContainerFailed("the front does not stay up", container=front.labels[names.ROLE], output=lines)


def wait_healthy(running: Running, cancelled: threading.Event, timeout: int, emit: Emit = discard) -> None:
    """Waits until all containers of every task run and are healthy, and so are the targets.

    Reports meanwhile why a task is not, as soon as that is known. Raises `ContainerFailed` as soon as an essential
    container exits; `NotHealthy` after the timeout, or as soon as waiting is pointless; `TaskError` where all was taken
    down.
    """
    began = time.monotonic()
    watch = HealthWatch(running.engine, emit)
    wanted = sum(desired.desired_count for desired in running.state.services.values())
    looks = Looks(running.engine, running.environment)
    listed, listing = -inf, Observed([])
    while True:
        if is_fresh := time.monotonic() - listed >= BETWEEN_LISTINGS:
            listed, found = time.monotonic(), looks.look()
            if found is None:
                if cancelled.wait(BETWEEN_LISTINGS):
                    raise Cancelled
                continue
            listing = found
            check_front(running.engine, listing)
            if not listing.containers:
                raise taken_down(running.environment)
        unready: list[str] = []
        known, observed = Known(running.state), listing
        try:
            known, observed = _judged(running, listing)
        except EngineTimeout as late:
            unready.append(late.message)
        tasks = observed.service_tasks
        unready += [reason for task in tasks for reason in _unready(running, task)]
        unready += _unready_targets(running.state, known.targets)
        if not unready and front_specs(running.state) and is_local(running.engine):
            problems = silent(listeners_of(running.state))
            unready += [f"127.0.0.1:{port} does not answer ({why})" for port, why in problems.items()]
        if not unready and len(tasks) >= wanted:
            if is_fresh:
                return
            listed = -inf
            continue
        reasons = watch.reasons(tasks, known)
        waited = time.monotonic() - began
        # An agent in charge replaces what is unhealthy; the next one may be sound, unless several were not.
        if known.failing if running.lease is None else hopeless(reasons):
            error = watch.error(reasons, tasks, waited, given_up=True)
            if known.failing:
                error.message = f"given up after {waited:.0f} s: {'; '.join(known.failing)}"
            raise error
        if waited > timeout:
            error = watch.error(reasons, tasks, timeout, given_up=False)
            if not reasons and unready:
                error.message = f"not healthy after {timeout} s: {'; '.join(unready)}"
            raise error
        if cancelled.wait(HEALTH_POLL):
            raise Cancelled


class FirstHealth:
    """Reports why tasks are not healthy, and that they are where that took a while. For the foreground `up`; ends
    nothing."""

    def __init__(self, running: Running, emit: Emit, clock: Callable[[], float] = time.monotonic) -> None:
        self._running = running
        self._emit = emit
        self._watch = HealthWatch(running.engine, emit, clock)
        self._wanted = sum(desired.desired_count for desired in running.state.services.values())
        self._clock = clock
        self._next = clock()
        self._took_a_while = False
        self.reached = False

    def look(self, observed: Observed) -> None:
        """Checks once, at most once a second."""
        if self.reached or self._clock() < self._next:
            return
        self._next = self._clock() + LOOK
        with contextlib.suppress(CopilotLocalError):  # nothing ends over what was only to be said
            known, observed = _judged(self._running, observed)
            tasks = observed.service_tasks
            reasons = self._watch.reasons(tasks, known)
            self.reached = not reasons and len(tasks) >= self._wanted
            if self.reached and self._took_a_while:
                self._emit(Event(EventKind.INFO, self._running.environment.app, "every task is healthy"))
            self._took_a_while = True


def _judged(running: Running, observed: Observed) -> tuple[Known, Observed]:
    """What the agent knows of targets and health checks, where there are any, and the listing by that."""
    balances = bool(front_specs(running.state))
    if not balances and not starting(list(observed.tasks.values())):
        return Known(running.state), observed
    known = known_from(running.state, _status(running))
    return (known if balances else replace(known, targets=())), judged(observed, known.checks)


def _unready_targets(state: DesiredState, targets: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for target in targets:
        if target["state"] not in GOOD_STATES:
            why = f" ({target['description']})" if target["description"] else ""
            yield f"target {target['name']} of {target['service']} is {target['state']}{why}"
    expected = sum(len(list(balanced(d.service))) * d.desired_count for d in state.services.values())
    if front_specs(state) and len(targets) < expected:
        yield "the front has not seen every target"


def _status(running: Running) -> Message:
    """What the agent knows; where the connection is gone that this command holds to it, over another one."""
    if running.lease is not None:
        with contextlib.suppress(EngineError):
            return running.lease.status()
    return Agent(running.engine, running.environment).status()


def _unready(running: Running, task: Task) -> Iterator[str]:
    desired = running.state.services.get(task.service)
    for container in desired.service.task_definition.container_definitions if desired is not None else ():
        if container.name not in task.members:
            yield f"container {container.name} is not there"
    for member in task.members.values():
        if member.essential and member.ended:
            if not _may_run_again(member):
                raise container_failed(running.engine, member, "an essential container of the task has to keep running")
            yield f"container {member.name} has exited"
        if not member.started:
            yield f"container {member.name} has not started"
        elif member.running and member.container.health in (Health.STARTING, Health.UNHEALTHY):
            yield f"container {member.name} is {member.container.health}"
