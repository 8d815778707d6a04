"""What the operations of one plan share while it is carried out."""

from __future__ import annotations

import threading

from emulator.engine.interface import Engine
from emulator.events import Emit, Event, EventKind
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Task, observe

POLL = 0.1
"""Seconds between two listings while something is awaited."""


class Cancelled(Exception):
    """Another operation failed, or the user interrupted."""


class Execution:
    """The environment that a plan is carried out in, and whether to go on. `cancelled` is the user's interruption,
    `stopping` is set where another operation has failed."""

    def __init__(self, engine: Engine, environment: Names, emit: Emit, cancelled: threading.Event) -> None:
        self.engine = engine
        self.names = environment
        self.emit = emit
        self.cancelled = cancelled
        self.stopping = threading.Event()

    def pause(self, seconds: float) -> None:
        """Waits. Raises `Cancelled` where the plan is not carried on."""
        if self.stopping.wait(seconds) or self.cancelled.is_set():
            raise Cancelled

    def task(self, task_id: str) -> Task | None:
        """A task as it is now."""
        return observe(self.engine, self.names).tasks.get(task_id)

    def warn(self, subject: str, message: str) -> None:
        """Warns the caller of something that does not stop the plan."""
        self.emit(Event(EventKind.WARNING, subject, message))
