"""The event stream as JSON, one object per line.

Every object has `time` (ISO 8601, UTC), `kind` (an `EventKind`), `subject` (a container, an image, a file), `message`,
and `fields`, an object of texts, numbers and booleans.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from emulator.events import Event


class JsonDisplay:
    """Writes events to `out`. `on_broken` is called once, when the reader of `out` is gone."""

    def __init__(self, out: TextIO, on_broken: Callable[[], None]) -> None:
        self._out = out
        self._on_broken = on_broken
        self._lock = threading.Lock()
        self._broken = False

    def emit(self, event: Event) -> None:
        line = json.dumps(
            {
                "time": datetime.now(UTC).isoformat(),
                "kind": str(event.kind),
                "subject": event.subject,
                "message": event.message,
                "fields": event.fields,
            },
            ensure_ascii=False,
        )
        with self._lock:
            if self._broken:
                return
            try:
                self._out.write(line + "\n")
                self._out.flush()
            except (BrokenPipeError, ValueError):
                self._broken = True
        if self._broken:
            self._on_broken()

    def close(self) -> None:
        """Nothing is left open."""
