"""Foreground `up`: shows the logs until an essential container exits or the user presses Ctrl-C."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from emulator.engine.interface import Engine
from emulator.errors import ContainerFailed, EngineError, ExitCode
from emulator.events import Emit, Event, EventKind
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.health.container_failure import container_failed
from emulator.runtime.health.lost_traces import LostTraces
from emulator.runtime.health.own_address import OwnAddresses
from emulator.runtime.lifecycle.environment_lock import Claim
from emulator.runtime.lifecycle.running import FirstHealth, Running, taken_down
from emulator.runtime.lifecycle.up import up
from emulator.runtime.listeners.front_probe import FrontWatch
from emulator.runtime.planning.up_request import UpRequest, log_subjects
from emulator.runtime.reports.follow import EnvironmentFollower, is_no_run_of_a_command
from emulator.runtime.state.observed import Looks, Member, Observed

STILL_RUNNING = "Detached and still running. Stop it with `copilot-local down`."
LEFT_RUNNING = "Docker does not answer, so nothing was stopped. What runs goes on: `copilot-local down` stops it."
Farewell = Callable[[], str]
"""What is said once everything is left running; empty is nothing."""


def run_foreground(
    engine: Engine,
    request: UpRequest,
    emit: Emit,
    *,
    interrupted: threading.Event,
    killed: threading.Event,
    joined: threading.Event | None = None,
    detach: threading.Event | None = None,
    farewell: Farewell = lambda: STILL_RUNNING,
    claim: Claim | None = None,
) -> int:
    """Brings an environment up, stays until it ends, takes it down; returns the exit code of the command.

    `interrupted` (Ctrl-C) stops it in reverse dependency order, `killed` (a second one) at once; either way everything
    is removed. Where the environment ran before, `joined` is set, and it is left running, as where `detach` is set
    while it runs; then `farewell` says with which words. ECS stops a task when an essential container exits: the code
    is that container's. `claim` is the one of `up`. Raises `TaskError` where another command took it down.
    """
    follower = EnvironmentFollower(
        *(engine, request.environment, emit, log_subjects(request)),
        show_router=request.show_router,
        all_lines=True,
        wanted=is_no_run_of_a_command,
    )
    follower.start()
    with contextlib.closing(follower):
        try:
            running = up(engine, request, emit, cancelled=interrupted, before_remove=follower.finish, claim=claim)
        except Cancelled:
            return ExitCode.INTERRUPTED
        except ContainerFailed as error:
            if error.container_exit_code:
                error.exit_code = error.container_exit_code
            raise
        if not running.fresh and joined is not None:
            joined.set()
        with contextlib.closing(running):
            return _stay(running, follower, emit, interrupted, killed, detach or threading.Event(), farewell)


def _stay(
    running: Running,
    follower: EnvironmentFollower,
    emit: Emit,
    interrupted: threading.Event,
    killed: threading.Event,
    detach: threading.Event,
    farewell: Farewell,
) -> int:
    """Shows what runs until it ends, and takes down what this command started, unless it is to detach."""
    engine = running.engine
    emit(Event(EventKind.INFO, running.environment.app, running.ready("")))
    running.tell_trust(emit)
    follower.wait()
    if not running.fresh:
        return _watch(running, follower, emit, interrupted, detach, farewell)
    fronts, health = FrontWatch(engine, emit), FirstHealth(running, emit)
    addresses = OwnAddresses(engine, running.state, emit)
    lost = LostTraces(engine, running.environment, emit)

    def look(observed: Observed) -> None:
        fronts.look(observed)
        health.look(observed)
        addresses.look(observed)
        lost.look(observed)
        if detach.is_set():
            interrupted.set()

    try:
        ended = running.wait_for_exit(interrupted, look)
    except EngineError:
        _say(emit, running, LEFT_RUNNING)
        raise
    if ended is None and detach.is_set():
        running.hand_over()
        _say(emit, running, farewell())
        return ExitCode.OK
    failure = _failure(engine, ended, emit)
    retirement = running.lease.leave() if running.lease is not None else None
    if not interrupted.is_set() or not killed.is_set():
        emit(Event(EventKind.INFO, running.environment.app, "stopping"))
    try:
        ours = running.end(emit, killed, follower.finish)
    finally:
        if retirement is not None:
            retirement.close()
    if not ours:
        raise taken_down(running.environment)
    if failure is not None:
        raise failure
    if ended is None and not interrupted.is_set():
        follower.drain()
        raise taken_down(running.environment)
    return ExitCode.INTERRUPTED if ended is None else ExitCode.OK


def _failure(engine: Engine, ended: Member | None, emit: Emit) -> ContainerFailed | None:
    if ended is None:
        return None
    code = ended.container.exit_code
    if not code:
        emit(Event(EventKind.INFO, ended.name, "exited with code 0; it is essential, so its task stops"))
        return None
    error = container_failed(engine, ended, "it is essential, so its task stops")
    error.exit_code = code
    return error


def _watch(
    running: Running,
    follower: EnvironmentFollower,
    emit: Emit,
    interrupted: threading.Event,
    detach: threading.Event,
    farewell: Farewell,
) -> int:
    """The environment belonged to its agent already: show what it prints, and leave it running."""
    fronts = FrontWatch(running.engine, emit)
    lost = LostTraces(running.engine, running.environment, emit)
    looks = Looks(running.engine, running.environment)
    while not detach.is_set() and not interrupted.wait(0.5):
        observed = looks.look()
        if observed is None:
            continue
        if not observed.containers:
            follower.drain()
            raise taken_down(running.environment)
        fronts.look(observed)
        lost.look(observed)
    _say(emit, running, farewell() if detach.is_set() else STILL_RUNNING)
    return ExitCode.OK if detach.is_set() else ExitCode.INTERRUPTED


def _say(emit: Emit, running: Running, words: str) -> None:
    if words:
        emit(Event(EventKind.INFO, running.environment.app, words))
