"""The store of traces, opened once something of it is needed: most environments have no traces, and `up` waits for the
agent's start."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.agent.traces.answers import TraceAnswers
    from emulator.traces.intake import Intake

FILE = "traces.sqlite"


class LateTraces:
    """Makes the store on first use. `folder` is that of the access log, which no task has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._made: tuple[Intake, TraceAnswers] | None = None

    def intake(self) -> Intake:
        """What takes spans."""
        return self._both()[0]

    def answers(self) -> TraceAnswers:
        """What answers about them."""
        return self._both()[1]

    def lost(self) -> list[dict[str, str]]:
        """What a deployment would lose, once each: `workload`, `code`, `text`. Nothing before the first use."""
        made = self._made
        return [] if made is None else made[1].lost()

    def _both(self) -> tuple[Intake, TraceAnswers]:
        with self._lock:
            if self._made is None:
                from emulator.agent.traces.answers import TraceAnswers
                from emulator.traces.intake import Intake
                from emulator.traces.store import TraceStore

                store = TraceStore(self._folder / FILE)
                self._made = Intake(store), TraceAnswers(store, self._folder)
            return self._made
