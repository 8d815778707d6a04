"""The event stream as text: log lines of containers on standard output, everything else on standard error.

On a terminal the last lines show the steps that run, one each, and are drawn anew in place. Elsewhere each step is one
line when it ends, and one more when it first reports progress, so that a slow build is seen to run.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable
from typing import TextIO

from emulator.display import colours
from emulator.display.colours import NameColours, is_terminal, paint, wants_colour
from emulator.display.durations import human
from emulator.events import Event, EventKind
from emulator.visible import unguarded, unwritable, visible, visible_line

_LONG = 1.0
"""Seconds after which a step that usually says nothing is shown all the same."""
_CLEAR_LINE = "\r\x1b[K"
_UP_AND_CLEAR = "\x1b[A\x1b[K"
_QUIET = frozenset({EventKind.LOG, EventKind.WARNING, EventKind.STEP_FAILED})
_MOST_STEPS = 8
"""Lines of steps that run; more are counted."""


class _Step:
    def __init__(self, event: Event, now: float) -> None:
        self.title = _title(event)
        self.started = now
        self.progress = ""


class TextDisplay:
    """Renders events as text; `quiet`: warnings, failures and logs only. `on_broken` is called once, when the reader of
    the log lines is gone."""

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        on_broken: Callable[[], None],
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
        columns: Callable[[], int] = lambda: shutil.get_terminal_size().columns,
    ) -> None:
        self._out = unguarded(out)  # all that is written here is made visible here
        self._err = unguarded(err)
        self._on_broken = on_broken
        self._kinds = _QUIET if quiet else frozenset(EventKind)
        self._clock = clock
        self._columns = columns
        self._out_colour = wants_colour(out)
        self._err_colour = wants_colour(err)
        self._live = is_terminal(err) and self._err_colour
        self._lock = threading.Lock()
        self._steps: dict[str, _Step] = {}
        self._names = NameColours()
        self._width = 0
        self._status_lines = 0
        self._broken = False

    def emit(self, event: Event) -> None:
        if event.kind not in self._kinds:
            return
        with self._lock:
            was_broken = self._broken
            self._render(event)
            self._draw_status()
            broken_now = self._broken and not was_broken
        if broken_now:
            self._on_broken()

    def close(self) -> None:
        """Takes the lines of running steps off the terminal."""
        with self._lock:
            self._steps.clear()
            self._clear_status()

    def _render(self, event: Event) -> None:
        match event.kind:
            case EventKind.LOG:
                self._log(event)
            case EventKind.STEP_STARTED:
                self._steps[event.subject] = _Step(event, self._clock())
            case EventKind.STEP_DONE:
                self._end(event, "✓", colours.GREEN)
            case EventKind.STEP_FAILED:
                self._end(event, "✗", colours.RED)
            case EventKind.PROGRESS:
                self._progress(event)
            case EventKind.STATE:
                self._line(f" {paint('•', colours.DIM, self._err_colour)} {_title(event)}")
            case EventKind.WARNING:
                self._line(f"{paint('warning', colours.YELLOW, self._err_colour)}: {_sentence(event)}")
                hint = event.fields.get("hint")
                if hint:
                    self._line(f"  hint: {visible(str(hint))}")
            case EventKind.INFO:
                self._line(_sentence(event))

    def _log(self, event: Event) -> None:
        subject = visible_line(event.subject)
        self._width = max(self._width, len(subject))
        prefix = paint(f"{subject.ljust(self._width)} |", self._names.of(subject), self._out_colour)
        self._clear_status()
        if self._broken:
            return
        try:
            self._out.write(f"{prefix} {visible_line(event.message, sgr=self._out_colour)}\n")
            self._out.flush()
        except (OSError, ValueError) as error:
            self._broken = True
            if told := unwritable(error):
                self._line(f"{paint('error', colours.RED, self._err_colour)}: {told}")

    def _end(self, event: Event, mark: str, colour: str) -> None:
        step = self._steps.pop(event.subject, None)
        seconds = event.fields.get("seconds")
        if not isinstance(seconds, int | float) and step is not None:
            seconds = self._clock() - step.started
        took = f" {human(seconds)}" if isinstance(seconds, int | float) else ""
        if mark == "✓" and event.fields.get("quiet") and isinstance(seconds, int | float) and seconds < _LONG:
            return
        failed = event.kind is EventKind.STEP_FAILED
        title = step.title if step is not None and not event.message else _sentence(event) if failed else _title(event)
        self._line(f" {paint(mark, colour, self._err_colour)} {title}{paint(took, colours.DIM, self._err_colour)}")
        if failed and (said := event.fields.get("output")):
            self._line(f"     {visible(str(event.fields.get('container', '')))} | {visible_line(str(said))}")

    def _progress(self, event: Event) -> None:
        step = self._steps.get(event.subject)
        if step is None:
            return
        if not self._live and not step.progress:
            self._line(f" • {step.title} …")
        step.progress = event.message.strip() or step.progress or "…"

    def _line(self, text: str) -> None:
        self._clear_status()
        self._tell(text + "\n")

    def _draw_status(self) -> None:
        if not self._live or not self._steps:
            return
        self._clear_status()
        shown = list(self._steps.values())[-_MOST_STEPS:]
        lines = [f" • {step.title}" + (f": {step.progress}" if step.progress else " …") for step in shown]
        if len(self._steps) > len(shown):
            lines.insert(0, f" • {len(self._steps) - len(shown)} more …")
        width = max(self._columns() - 1, 20)
        self._tell("\n".join(_printable(line)[:width] for line in lines))
        self._status_lines = len(lines)

    def _clear_status(self) -> None:
        if self._status_lines:
            self._tell(_CLEAR_LINE + _UP_AND_CLEAR * (self._status_lines - 1))
            self._status_lines = 0

    def _tell(self, text: str) -> None:
        # The reader of progress may be gone, or its disk be full: the work continues.
        with contextlib.suppress(OSError, ValueError):
            self._err.write(text)
            self._err.flush()


def _title(event: Event) -> str:
    return visible(f"{event.subject} {event.message}".strip())


def _sentence(event: Event) -> str:
    text = f"{event.subject}: {event.message}" if event.subject and event.message else event.subject or event.message
    return visible(text)


def _printable(text: str) -> str:
    """Without the control characters of a build's output, which would move the cursor."""
    return "".join(character for character in text if character.isprintable())
