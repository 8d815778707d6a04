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
    are first needed.

    Each stream has every record of the tags that it takes: one that lacks in one of them was not delivered there.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._streams: list[dict[str, set[int]]] | None = None
        """Of each, what was printed by tag."""

    def others(self, lines: Iterable[str]) -> list[str]:
        """Those of `lines`, each with its end, that were not delivered, or not everywhere."""
        if self._streams is None:
            self._streams = list(self._read().values())
        return [line for line in lines if not self._streams or not self._has(line, self._streams)]

    def _has(self, line: str, streams: list[dict[str, set[int]]]) -> bool:
        if (printed := _printed(line)) is None:
            return False
        tag, place = printed
        takers = [stream[tag] for stream in streams if tag in stream]
        return bool(takers) and all(place in taker for taker in takers)

    def _read(self) -> dict[str, dict[str, set[int]]]:
        found: dict[str, dict[str, set[int]]] = {}
        for stream, path in islice(self._files(), MOST_FILES):
            for tag, place in _last(path):
                found.setdefault(stream, {}).setdefault(tag, set()).add(place)
        return found

    def _files(self) -> Iterator[tuple[str, Path]]:
        """Each with the name of its stream."""
        own = RecordFile.parse(self._file.name)
        with contextlib.suppress(OSError):
            for name, kind in entries_beneath(self._file.parent):
                file = RecordFile.parse(name) if kind == "file" else None
                if file and own and file.folder == own.folder and file.stream != own.stream and file.rotation <= 1:
                    yield file.stream, self._file.with_name(name)


def _last(path: Path) -> Iterator[tuple[str, int]]:
    """What was printed, by the end of a file."""
    with contextlib.suppress(OSError), open(open_beneath(path.parent, path.name), "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LAST))
        left = LAST  # it may grow while it is read
        while left and (line := file.readline(left)):
            left -= len(line)
            if (printed := _printed(line.decode(errors="replace"))) is not None:
                yield printed


def _printed(line: str) -> tuple[str, int] | None:
    """Its tag, and what tells a printed line from every other of that tag although a filter may have changed its text:
    nanoseconds, stream, and the place among the parts of a long line. None where the time is not that precise."""
    record = parse_record(line)
    if record is None or not record.time_ns % MILLISECOND:
        return None
    place = tuple(str(record.fields.get(name)) for name in ("source", "partial_ordinal"))
    return record.tag, hash((record.time_ns, *place))
