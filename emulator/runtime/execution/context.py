"""What the operations of one plan share while it is carried out."""

from __future__ import annotations

import threading
import time

from emulator.engine.interface import Container, Engine
from emulator.events import Emit, Event, EventKind
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed, Task, observe

POLL = 0.1
"""Seconds between two listings while something is awaited."""


class Cancelled(Exception):
    """Another operation failed, or the user interrupted."""


class Execution:
    """The environment that a plan is carried out in, and whether to go on. `cancelled` is the user's interruption,
    `stopping` is set where another operation has failed. `observed`: what the caller has listed."""

    def __init__(
        self,
        engine: Engine,
        environment: Names,
        emit: Emit,
        cancelled: threading.Event,
        observed: Observed | None = None,
    ) -> None:
        self.engine = engine
        self.names = environment
        self.emit = emit
        self.cancelled = cancelled
        self.stopping = threading.Event()
        self._listing = threading.Lock()
        self._listed_at = 0.0
        self._observed = observed or Observed([])

    def pause(self, seconds: float) -> None:
        """Waits. Raises `Cancelled` where the plan is not carried on."""
        if self.stopping.wait(seconds) or self.cancelled.is_set():
            raise Cancelled

    def task(self, task_id: str) -> Task | None:
        """A task as it is now; None where there is none, or no id."""
        return self.observed().tasks.get(task_id) if task_id else None

    def observed(self) -> Observed:
        """What there is now. Those who ask at once share a listing, which begins after the last of them has asked."""
        asked = time.monotonic()
        with self._listing:
            if self._listed_at < asked:
                began = time.monotonic()
                self._observed = observe(self.engine, self.names)
                self._listed_at = began
            return self._observed

    def known(self, name: str) -> Container | None:
        """A container as the last listing that has it, or else a new one, tells of it: for what of it never changes.
        None where there is none."""

        def found(listed: Observed) -> Container | None:
            return next((one for one in listed.containers if one.name == name), None)

        return found(self._observed) or found(self.observed())

    def warn(self, subject: str, message: str) -> None:
        """Warns the caller of something that does not stop the plan."""
        self.emit(Event(EventKind.WARNING, subject, message))
