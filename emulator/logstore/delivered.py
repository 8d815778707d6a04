"""What a log router that died had delivered already of what lies in its buffer.

Fluent Bit writes a chunk's records and removes the chunk afterwards: one that dies in between leaves both. Another
Fluent Bit would deliver them to the same file, where `emulator.logstore.deliveries` leaves them out; what takes the
place of a router writes to a file of its own, and looks here first.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from emulator.logstore.beneath import entries_beneath, open_beneath
from emulator.logstore.deliveries import MILLISECOND
from emulator.logstore.records import RecordFile, parse_record

LAST = 3 << 20
"""Bytes of each file's end that are looked at: a chunk has 2 MB, somewhat more as text."""
MOST_FILES = 16
"""Files that are looked at: a task has one for each container and output, what is hostile any number."""


@dataclass(frozen=True, slots=True)
class _Printed:
    """A printed line, as what a filter may have changed its text to still tells it."""

    tag: str
    place: int
    """Nanoseconds, stream, and the place among the parts of a long line: no other line of the tag has the same, where
    the time is precise."""
    precise: bool
    """Two lines may have the same time where it is not: one counts as delivered behind one that was."""

    @property
    def key(self) -> tuple[str, int]:
        return self.tag, self.place


_Stream = dict[str, Counter[int]]
"""Of one stream, how often which places were printed, by tag."""


class Delivered:
    """The last records of a task in the files beside `file`, the one that is to be written. They are read when they
    are first needed.

    Each stream has every record of the tags that it takes: one that lacks in one of them was not delivered there.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._streams: list[_Stream] | None = None

    def others(self, lines: Iterable[str]) -> list[str]:
        """Those of `lines`, as a chunk has them, each with its end, that were not delivered, or not everywhere."""
        if self._streams is None:
            self._streams = list(self._read().values())
        found: list[str] = []
        met = Counter[tuple[str, int]]()
        follows = False
        """Whether the line before was delivered."""
        for line in lines:
            printed = _printed(line)
            if printed is not None:
                met[printed.key] += 1
            follows = (
                printed is not None
                and (printed.precise or follows)
                and _has(printed, self._streams, 1 if printed.precise else met[printed.key])
            )
            if not follows:
                found.append(line)
        return found

    def _read(self) -> dict[str, _Stream]:
        found: dict[str, _Stream] = {}
        for stream, path in islice(self._files(), MOST_FILES):
            for printed in _last(path):
                found.setdefault(stream, {}).setdefault(printed.tag, Counter())[printed.place] += 1
        return found

    def _files(self) -> Iterator[tuple[str, Path]]:
        """Each with the name of its stream."""
        own = RecordFile.parse(self._file.name)
        with contextlib.suppress(OSError):
            for name, kind in entries_beneath(self._file.parent):
                file = RecordFile.parse(name) if kind == "file" else None
                if file and own and file.folder == own.folder and file.stream != own.stream and file.rotation <= 1:
                    yield file.stream, self._file.with_name(name)


def _has(printed: _Printed, streams: list[_Stream], times: int) -> bool:
    """Whether every stream that takes such a line has it that often."""
    takers = [stream[printed.tag] for stream in streams if printed.tag in stream]
    return bool(takers) and all(taker[printed.place] >= times for taker in takers)


def _last(path: Path) -> Iterator[_Printed]:
    """What was printed, by the end of a file."""
    with contextlib.suppress(OSError), open(open_beneath(path.parent, path.name), "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LAST))
        left = LAST  # it may grow while it is read
        while left and (line := file.readline(left)):
            left -= len(line)
            if (printed := _printed(line.decode(errors="replace"))) is not None:
                yield printed


def _printed(line: str) -> _Printed | None:
    """What a line says of itself; None where it is no record."""
    record = parse_record(line)
    if record is None:
        return None
    place = tuple(str(record.fields.get(name)) for name in ("source", "partial_ordinal"))
    return _Printed(record.tag, hash((record.time_ns, *place)), record.time_ns % MILLISECOND != 0)
