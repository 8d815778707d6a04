"""Ctrl-C: the first one stops in order, the second one at once; both clean up."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from emulator.events import Emit, Event, EventKind


def interruptions(emit: Emit, *, detaches: threading.Event | None = None) -> tuple[threading.Event, threading.Event]:
    """Events that the first and the second SIGINT, SIGTERM or SIGHUP set, instead of ending the process.

    The first one says that things stop, unless `detaches` is set: the command then leaves what runs, and says so
    itself.
    """
    first, second = threading.Event(), threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        if first.is_set():
            second.set()
            return
        first.set()
        if detaches is not None and detaches.is_set():
            return
        # Not from within the handler: the display's lock may be held by the very code that was interrupted.
        hint = Event(EventKind.INFO, "interrupted", "stopping; Ctrl-C again stops at once")
        threading.Thread(target=emit, args=(hint,), daemon=True).start()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    return first, second
