"""Warns of spans that a deployment would lose, while a command stays with an environment."""

from __future__ import annotations

import time
from collections.abc import Callable

from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.control.client import Agent
from emulator.runtime.state import names
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed

BETWEEN = 5.0
"""Seconds between two questions."""


class LostTraces:
    """Tells each warning of a service once, when its first such span has come."""

    def __init__(
        self, engine: Engine, environment: Names, emit: Emit, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._agent = Agent(engine, environment)
        self._emit = emit
        self._clock = clock
        self._next = clock()
        self._told: set[tuple[str, str]] = set()

    def look(self, observed: Observed) -> None:
        """To be called often: it asks every few seconds, where a task has a receiver. Nothing ends over it."""
        if self._clock() < self._next or not any(names.TRACES in one.labels for one in observed.containers):
            return
        self._next = self._clock() + BETWEEN
        try:
            found = self._agent.status().get("lost_traces", [])
        except CopilotLocalError:
            return
        for note in found:
            key = (note["workload"], note["code"])
            if key not in self._told:
                self._told.add(key)
                self._emit(Event(EventKind.WARNING, note["workload"], note["text"]))
