"""Single keys of the terminal that a command stays in."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Final

LOOK: Final = 0.5
"""Seconds between two looks at whether the command ends."""


@contextlib.contextmanager
def keys(actions: Mapping[str, Callable[[], None]]) -> Iterator[bool]:
    """Within this block a key calls its action, without Enter; tells whether there is a terminal for it.

    Ctrl-C and Ctrl-Z stay what they are. Where the command runs in the background, reads from a pipe, writes into one
    (a pager reads keys itself) or on Windows, nothing is read and nothing changed.
    """
    descriptor = _terminal()
    if descriptor is None:
        yield False
        return
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    ended = threading.Event()

    def listen() -> None:
        tty.setcbreak(descriptor, termios.TCSANOW)

    def again(number: int, frame: FrameType | None) -> None:
        del number, frame
        with contextlib.suppress(termios.error):
            listen()  # the shell has put its own settings back

    resumed = signal.signal(signal.SIGCONT, again)
    listen()
    thread = threading.Thread(target=_read, args=(descriptor, actions, ended), daemon=True, name="keys")
    thread.start()
    try:
        yield True
    finally:
        ended.set()
        signal.signal(signal.SIGCONT, resumed)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)


def _terminal() -> int | None:
    """The descriptor of the terminal that this command has for itself; None where it has none."""
    with contextlib.suppress(OSError, ValueError, ImportError, AttributeError):
        import termios

        descriptor = sys.stdin.fileno()
        if sys.stdin.isatty() and sys.stdout.isatty() and os.tcgetpgrp(descriptor) == os.getpgrp():
            termios.tcgetattr(descriptor)
            return descriptor
    return None


def _read(descriptor: int, actions: Mapping[str, Callable[[], None]], ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            ready, _, _ = select.select([descriptor], [], [], LOOK)
            key = os.read(descriptor, 1).decode(errors="replace") if ready else "none"
        except OSError:
            return  # the terminal has gone
        if key == "":
            return
        if key in actions:
            actions[key]()
