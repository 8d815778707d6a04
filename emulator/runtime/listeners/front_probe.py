"""Asks a load balancer at its published port: only that says whether clients reach it.

Docker's proxy for a port may have ended while the container behind it runs and its health checks pass. Starting the
container again makes a new one.
"""

from __future__ import annotations

import contextlib
import time

from emulator.engine.interface import Container, ContainerState, Engine
from emulator.errors import EngineError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.listeners.front_ports import listeners_on
from emulator.runtime.listeners.probe import publishes_here, silent
from emulator.runtime.state.observed import Observed

BETWEEN = 5.0
"""Seconds between two questions while a command stays."""
STOP_TIMEOUT = 2


def is_local(engine: Engine) -> bool:
    """Whether the daemon publishes ports on this process's loopback address, as far as that can be seen."""
    return publishes_here(engine.info().host)


def restart_silent_fronts(engine: Engine, observed: Observed) -> list[str]:
    """Restarts load balancers that run and do not answer at a published port, where it is one of this machine. Returns
    a sentence for each port."""
    told: list[str] = []
    if not observed.fronts or not is_local(engine):
        return told
    for front in observed.fronts:
        problems = _problems(front) if front.state is ContainerState.RUNNING else {}
        if not problems:
            continue
        for port, why in problems.items():
            told.append(f"it did not answer at 127.0.0.1:{port} ({why}); it was restarted")
        try:
            engine.stop(front.name, STOP_TIMEOUT)
            engine.start(front.name)
        except EngineError as error:
            told.append(f"{front.name} could not be restarted: {error}")
    return told


class FrontWatch:
    """Restarts silent load balancers while a command stays with an environment; `emit` hears of it."""

    def __init__(self, engine: Engine, emit: Emit) -> None:
        self._engine = engine
        self._emit = emit
        self._next = time.monotonic() + BETWEEN

    def look(self, observed: Observed) -> None:
        """To be called often: it asks every few seconds. Nothing ends over it."""
        if time.monotonic() < self._next:
            return
        with contextlib.suppress(EngineError):
            restart_and_tell(self._engine, observed, self._emit)
        self._next = time.monotonic() + BETWEEN


def restart_and_tell(engine: Engine, observed: Observed, emit: Emit) -> None:
    """As `restart_silent_fronts`, with a warning for each sentence."""
    for sentence in restart_silent_fronts(engine, observed):
        emit(Event(EventKind.WARNING, "load balancer", sentence))


def _problems(front: Container) -> dict[int, str]:
    """Twice, since one look may come in the moment in which it starts."""
    found = silent(listeners_on(front))
    return silent(one for one in listeners_on(front) if one.host_port in found) if found else {}
