"""The event stream without what went well: logs, warnings and failures."""

from __future__ import annotations

from emulator.display.text import TextDisplay
from emulator.events import Event, EventKind

SHOWN = (EventKind.LOG, EventKind.WARNING, EventKind.STEP_FAILED)


class QuietDisplay:
    """Passes on warnings, errors and logs only."""

    def __init__(self, display: TextDisplay) -> None:
        self._display = display

    def emit(self, event: Event) -> None:
        if event.kind in SHOWN:
            self._display.emit(event)

    def close(self) -> None:
        self._display.close()
