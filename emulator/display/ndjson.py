"""The event stream as JSON, one object per line.

Every object has `time` (ISO 8601, UTC), `kind` (an `EventKind`), `subject` (a container, an image, a file), `message`,
and `fields`, an object of texts, numbers and booleans.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from emulator.events import Event
from emulator.visible import unwritable


class JsonDisplay:
    """Writes events to `out`. `on_broken` is called once, when the reader of `out` is gone."""

    def __init__(self, out: TextIO, on_broken: Callable[[], None], err: TextIO | None = None) -> None:
        self._out = out
        self._err = err or sys.stderr
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
            except (OSError, ValueError) as error:
                self._broken = True
                if told := unwritable(error):
                    with contextlib.suppress(OSError, ValueError):
                        self._err.write(f"error: {told}\n")
                        self._err.flush()
        if self._broken:
            self._on_broken()

    def close(self) -> None:
        """Nothing is left open."""
