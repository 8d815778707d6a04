"""What a log router that died had delivered already of what lies in its buffer.

Fluent Bit writes a chunk's records and removes the chunk afterwards: one that dies in between leaves both. Another
Fluent Bit would deliver them to the same file, where `emulator.logstore.deliveries` leaves them out; what takes the
place of a router writes to a file of its own, and looks here first.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from emulator.logstore.beneath import entries_beneath, open_beneath
from emulator.logstore.deliveries import MILLISECOND
from emulator.logstore.records import RecordFile, parse_record

LAST = 3 << 20
"""Bytes of each file's end that are looked at: a chunk has 2 MB, somewhat more as text."""
MOST_FILES = 16
"""Files that are looked at: a task has one for each container and output, what is hostile any number."""


class Delivered:
    """The last records of a task in the files beside `file`, the one that is to be written. They are read when they
    are first needed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._printed: set[int] | None = None

    def others(self, lines: Iterable[str]) -> list[str]:
        """Those of `lines`, each with its end, that were not delivered."""
        if self._printed is None:
            self._printed = {printed for path in self._files() for printed in _last(path)}
        return [line for line in lines if not self._printed or _printed(line) not in self._printed]

    def _files(self) -> Iterator[Path]:
        own = RecordFile.parse(self._file.name)
        with contextlib.suppress(OSError):
            entries = entries_beneath(self._file.parent) if own is not None else []
            others = [(RecordFile.parse(name), name) for name, kind in entries if kind == "file"]
            wanted = (
                self._file.with_name(name)
                for file, name in others
                if file and own and file.folder == own.folder and file.stream != own.stream and file.rotation <= 1
            )
            yield from islice(wanted, MOST_FILES)


def _last(path: Path) -> Iterator[int]:
    """What was printed, by the end of a file."""
    with contextlib.suppress(OSError), open(open_beneath(path.parent, path.name), "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LAST))
        left = LAST  # it may grow while it is read
        while left and (line := file.readline(left)):
            left -= len(line)
            if (printed := _printed(line.decode(errors="replace"))) is not None:
                yield printed


def _printed(line: str) -> int | None:
    """What tells a printed line from every other, although a filter may have changed its text: tag, nanoseconds,
    stream, and the place among the parts of a long line. None where the time is not that precise."""
    record = parse_record(line)
    if record is None or not record.time_ns % MILLISECOND:
        return None
    place = tuple(str(record.fields.get(name)) for name in ("source", "partial_ordinal"))
    return hash((record.tag, record.time_ns, *place))
