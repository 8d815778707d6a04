"""What the containers of an environment printed and what happened to them, kept in memory as it came."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from emulator.events import Event

MOST_LINES = 50_000
"""How many lines are kept; the oldest go first."""
MOST_EVENTS = 10_000


class Mark(int):
    """A moment of an environment: the number of lines that had been printed, and the time."""

    moment: datetime

    def __new__(cls, count: int) -> Mark:
        mark = super().__new__(cls, count)
        # Records have milliseconds.
        now = datetime.now(UTC)
        mark.moment = now.replace(microsecond=now.microsecond // 1000 * 1000)
        return mark


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a container printed. `number` counts the lines of the environment from 0, in the order they came."""

    number: int
    service: str
    container: str
    task_id: str
    stream: str
    """`stdout` or `stderr`."""
    text: str
    time: datetime | None
    chatter: bool = False
    """A log router's banner, or what it says at level info: reports leave it out."""

    def __str__(self) -> str:
        return f"{self.service}/{self.container} | {self.text}"


@dataclass(frozen=True, slots=True)
class Death:
    """An essential container that ended by itself. `lines` are the last ones it printed."""

    service: str
    container: str
    task_id: str
    exit_code: int
    out_of_memory: bool
    lines: tuple[str, ...]

    @property
    def summary(self) -> str:
        """One sentence."""
        why = ", out of memory" if self.out_of_memory else ""
        return f"container {self.container} of {self.service} exited with code {self.exit_code}{why}"


class Journal:
    """Lines, events and deaths of one environment. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._lines: deque[LogLine] = deque(maxlen=MOST_LINES)
        self._events: deque[tuple[float, Event]] = deque(maxlen=MOST_EVENTS)
        self._deaths: list[Death] = []
        self._unreported: list[Death] = []
        self._count = 0

    def add_line(
        self,
        service: str,
        container: str,
        task_id: str,
        stream: str,
        text: str,
        time: datetime | None,
        *,
        chatter: bool = False,
    ) -> None:
        """Notes a printed line and wakes who waits for one. `time` is when it was printed, in UTC; None is unknown."""
        with self._changed:
            self._lines.append(LogLine(self._count, service, container, task_id, stream, text, time, chatter))
            self._count += 1
            self._changed.notify_all()

    def add_event(self, event: Event) -> None:
        """Notes an event, with the time of now."""
        with self._changed:
            self._events.append((time.time(), event))

    def add_death(self, death: Death, *, expected: bool) -> None:
        """Notes a death; one that was not expected is what `take_unreported` returns."""
        with self._changed:
            self._deaths.append(death)
            if not expected:
                self._unreported.append(death)
            self._changed.notify_all()

    @property
    def count(self) -> int:
        """How many lines came so far: the number that the next one gets."""
        with self._changed:
            return self._count

    def lines(self, since: int = 0) -> list[LogLine]:
        """The lines from number `since` on."""
        with self._changed:
            return [line for line in self._lines if line.number >= since]

    def events(self) -> list[tuple[float, Event]]:
        """What happened, each with its time in seconds since 1970."""
        with self._changed:
            return list(self._events)

    def deaths(self) -> list[Death]:
        """All deaths so far, oldest first, expected or not."""
        with self._changed:
            return list(self._deaths)

    def take_unreported(self) -> list[Death]:
        """The deaths that were not reported yet."""
        with self._changed:
            taken, self._unreported = self._unreported, []
            return taken

    def wait_for_unreported(self, deadline: float) -> bool:
        """Whether there is an unreported death; waits for one until `deadline` (monotonic clock)."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._unreported), max(0.0, deadline - time.monotonic()))

    def wait(self, found: Callable[[LogLine], bool], since: int, deadline: float) -> LogLine | None:
        """The first line from number `since` on for which `found` holds; None at `deadline` (monotonic clock) or as
        soon as there is an unreported death."""
        seen = since
        with self._changed:
            while True:
                for line in [line for line in self._lines if line.number >= seen]:
                    if found(line):
                        return line
                seen = max(seen, self._count)
                remaining = deadline - time.monotonic()
                if self._unreported or remaining <= 0:
                    return None
                self._changed.wait(remaining)

    def wait_for_death(self, since: int, wanted: Callable[[Death], bool], deadline: float) -> Death | None:
        """The first death after the first `since` for which `wanted` holds; None at `deadline`."""
        with self._changed:
            while True:
                for death in self._deaths[since:]:
                    if wanted(death):
                        return death
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    return None
                self._changed.wait(remaining)
