"""What a user sees: renderers of the one event stream, tables, durations and errors."""

from __future__ import annotations

import _thread
import sys
from collections.abc import Callable
from typing import Literal, Protocol, TextIO

from emulator.display.ndjson import JsonDisplay
from emulator.display.text import TextDisplay
from emulator.events import Event

Format = Literal["text", "json"]


class Display(Protocol):
    """Renders events. Every method may be called from any thread."""

    def emit(self, event: Event) -> None: ...

    def close(self) -> None: ...


def make_display(
    format: Format = "text",
    out: TextIO | None = None,
    err: TextIO | None = None,
    on_broken: Callable[[], None] = _thread.interrupt_main,
    *,
    quiet: bool = False,
) -> Display:
    """A display of `format`; `quiet` prints warnings, errors and logs only. When the reader of `out` is
    gone, as in `copilot-local up | head -1`, the command is interrupted as by Ctrl-C."""
    if format == "json":
        return JsonDisplay(out or sys.stdout, on_broken, err)
    return TextDisplay(out or sys.stdout, err or sys.stderr, on_broken, quiet=quiet)
