"""Reads a container's log in several goes, each line once."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from emulator.engine.interface import LogLine

WINDOW = timedelta(seconds=0.5)
"""Docker writes down what comes on both streams at once in any order, so lines may be older than those before them."""


class LogCursor:
    """How far a log was read. The next go asks for what was printed since `since`; `unread` leaves out what came.

    Not `whole`: the first go began with the last lines, and those before are not wanted.
    """

    def __init__(self, *, whole: bool = True) -> None:
        self._whole = whole
        self._first: datetime | None = None
        self._recent: deque[LogLine] = deque()
        self._newest: datetime | None = None

    @property
    def since(self) -> datetime | None:
        """From when on lines may be unread; None: all are."""
        if self._newest is None or self._first is None:
            return None
        since = self._newest - WINDOW
        return since if self._whole else max(since, self._first)

    def unread(self, lines: Iterable[LogLine]) -> Iterator[LogLine]:
        """The lines that no go has given yet. A line without a time is never told from another one, and comes again."""
        known = Counter(self._recent)
        for line in lines:
            if known and known[line] > 0:
                known[line] -= 1
                continue
            self._note(line)
            yield line

    def _note(self, line: LogLine) -> None:
        if line.timestamp is None:
            return
        self._first = self._first or line.timestamp
        self._recent.append(line)
        if self._newest is None or line.timestamp > self._newest:
            self._newest = line.timestamp
        oldest = self._newest - WINDOW
        while self._recent[0].timestamp is None or self._recent[0].timestamp < oldest:
            self._recent.popleft()
