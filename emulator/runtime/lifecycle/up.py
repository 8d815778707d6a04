"""Brings an environment up, or joins the one that runs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from emulator.engine.interface import Container, ContainerState, Engine
from emulator.errors import EngineError, EnvironmentBusy, PortInUse
from emulator.events import Emit, Event
from emulator.runtime.control.client import Agent, AgentBusy, AgentError
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.health.own_address import LISTENS_WITHIN, OwnAddresses
from emulator.runtime.lifecycle.contention import Turns, is_orphaned
from emulator.runtime.lifecycle.environment_lock import Claim
from emulator.runtime.lifecycle.join import AGENT_TIMEOUT, join, renew
from emulator.runtime.lifecycle.look import refuse_taken_ports
from emulator.runtime.lifecycle.prepare import prepare, refuse_unresolved, refuse_unsupported_in
from emulator.runtime.lifecycle.running import Running, wait_healthy
from emulator.runtime.listeners.free_port import Reservation
from emulator.runtime.listeners.front_probe import restart_and_tell
from emulator.runtime.listeners.port_choice import replaceable, with_ports
from emulator.runtime.listeners.remembered_ports import ports_of, remember, remembered
from emulator.runtime.planning.up_request import UpRequest, asked_ports
from emulator.runtime.specs.aws.endpoint import wants_endpoint
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.observed import Observed, observe

if TYPE_CHECKING:
    from emulator.runtime.lifecycle.bring_up import Bringup

FIRST_MOMENTS = 0.5
"""Seconds for which containers are watched that were just started: one that lacks a setting exits within that."""


def up(
    engine: Engine,
    request: UpRequest,
    emit: Emit,
    *,
    cancelled: threading.Event | None = None,
    before_remove: Callable[[str], None] | None = None,
    agent_timeout: float = AGENT_TIMEOUT,
    first_moments: float = FIRST_MOMENTS,
    claim: Claim | None = None,
) -> Running:
    """Makes an environment run what is requested; returns it, with its lease still held.

    Acquires an environment where nothing runs while images are built and pulled, unless the caller began that already:
    `claim`. Rolls back if something fails, unless `retain`: then everything stays, without an agent that would replace
    it. `agent_timeout` is how many seconds the agent may take to answer; new containers are watched for `first_moments`
    seconds. Raises the `CopilotLocalError` that says what failed.
    """
    cancelled = cancelled or threading.Event()
    turns = Turns(engine, request.environment, emit, cancelled)
    try:
        observed = _look(request, turns, claim, emit)
        if claim is None and not observed.containers:
            # Where something runs, nothing is touched before it is known that what is asked for can run.
            claim = _claim(engine, request, observed)
        if claim is not None:
            _bringup()  # Docker works meanwhile, and an interrupt may come
        prepared = prepare(engine, request, emit, cancelled=cancelled, agent_image=claim.image if claim else None)
        if cancelled.is_set():
            raise Cancelled
    except BaseException:
        _give_up(claim, emit)
        raise
    taken: set[int] = set()
    lost = False
    before = remembered(request.environment)
    with Reservation() as reservation:
        while True:
            if claim is None:
                observed = turns.observe()
            try:
                state = with_ports(prepared, asked_ports(request), observed, frozenset(taken), reservation, before)
            except BaseException:
                _give_up(claim, emit)
                raise
            if claim is None and observed.agent is not None and observed.agent.state is ContainerState.RUNNING:
                running = _join(engine, request, turns, observed.agent, state, emit, cancelled)
                if running is None:
                    continue
                if request.wait:
                    wait_healthy(running, cancelled, request.settings.time.wait_timeout, emit)
                _look_where_it_listens(running, request, emit, cancelled)
                return _remembered(running, request, before, emit)
            claim = claim or _claim(engine, request, observed, state)
            try:
                rest = (before_remove, agent_timeout, first_moments)
                running = _bringup()(engine, request, state, observed, claim, emit, cancelled, *rest).run()
                return _remembered(running, request, before, emit)
            except EnvironmentBusy:
                # Another command was faster. Twice, with no agent listed: a foreign container has the name.
                if lost and observe(engine, request.environment).agent is None:
                    raise
                lost = True
            except PortInUse as error:
                # Another process was faster; a port that was not asked for is replaced by the next free one.
                ours = replaceable(error, state, asked_ports(request).values())
                if not ours or request.retain:
                    raise
                taken |= ours
            claim = None


def _remembered(running: Running, request: UpRequest, before: Mapping[str, int], emit: Emit) -> Running:
    """The environment, whose ports are kept for the next time."""
    asked = asked_ports(request).values()
    if any(key not in before for key in ports_of(running.state)):
        from emulator.runtime.listeners.taken_ports import tell_taken

        tell_taken(running.engine, request.environment, running.state, before, asked, emit)

    def owner(port: int) -> str:
        from emulator.runtime.listeners.taken_ports import owner_of

        return owner_of(running.engine, port)

    remember(request.environment, running.state, before, asked, emit, owner)
    running.trust_hint = request.trust_hint
    return running


def _look_where_it_listens(running: Running, request: UpRequest, emit: Emit, cancelled: threading.Event) -> None:
    """Warns of programs that no proxy of Service Connect reaches."""
    if not request.foreground:  # which goes on looking by itself
        names = {service.name for service in request.services}
        addresses = OwnAddresses(running.engine, running.state, emit, services=names)
        addresses.wait(request.environment, cancelled, LISTENS_WITHIN if request.wait else 0.0)


def _look(request: UpRequest, turns: Turns, claim: Claim | None, emit: Emit) -> Observed:
    """What runs; raises what keeps the request from running as far as that is known before anything is built."""
    refuse_unsupported_in(request, emit)
    refuse_unresolved(request)
    if claim is not None:
        observed = claim.observed
    else:
        observed = turns.observe()
        restart_and_tell(turns.engine, observed, emit)
    refuse_taken_ports(request, observed)
    return observed


def _bringup() -> type[Bringup]:
    """What brings up; where an environment runs, its agent does that, and this is not imported."""
    from emulator.runtime.lifecycle.bring_up import Bringup

    return Bringup


def _join(
    engine: Engine,
    request: UpRequest,
    turns: Turns,
    agent: Container,
    state: DesiredState,
    emit: Emit,
    cancelled: threading.Event,
) -> Running | None:
    """The environment that runs, made what is requested; None where it has to be looked at again: another command's
    turn has passed, or the agent was taken back before it answered."""
    heard: list[Event] = []

    def hear(event: Event) -> None:
        heard.append(event)
        emit(event)

    try:
        if renew(engine, request.environment, agent, state, hear):  # else its refusal says who is in charge
            state, request = _provided(engine, request, agent, state, emit, cancelled)
        join(engine, request.environment, agent, state, request.private, hear, wait=request.order is None)
    except AgentBusy:
        turns.pass_by(agent)
        return None
    except (AgentError, EngineError) as error:
        if heard or not turns.is_taken_back(agent, answered=isinstance(error, AgentError)):
            raise
        return None
    return Running(engine, request.environment, state, None, fresh=False)


def _provided(
    engine: Engine,
    request: UpRequest,
    agent: Container,
    state: DesiredState,
    emit: Emit,
    cancelled: threading.Event,
) -> tuple[DesiredState, UpRequest]:
    """What services live with, made where something needs it; the state and the private values with what that tells.
    The agent, which acts for the state before this one, leaves it alone meanwhile."""
    needed = any(wants_endpoint(desired) for desired in state.services.values())
    if not needed and request.beside is None:
        return state, request
    from emulator.runtime.lifecycle.provide import beside_of, provide

    with beside_of(request)(engine, request, emit, cancelled):
        if needed:
            providing = Agent(engine, request.environment).provide(deploys=True, orphaned=is_orphaned(agent))
            with contextlib.closing(providing):
                observed = observe(engine, request.environment)
                state, private = provide(engine, request, state, observed, emit, cancelled)
            request = replace(request, private=private)
    return state, request


def _claim(engine: Engine, request: UpRequest, observed: Observed, state: DesiredState | None = None) -> Claim:
    image = partial(request.support.agent, engine)
    return Claim(engine, request.environment, observed, image, stays=request.foreground, state=state)


def _give_up(claim: Claim | None, emit: Emit) -> None:
    if claim is not None:
        from emulator.runtime.lifecycle.bring_up import give_up

        give_up(claim, emit)
