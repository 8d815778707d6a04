"""The folder of record files: listing, following what is being written, rotation."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from emulator.logstore.deliveries import Deliveries
from emulator.logstore.records import Joiner, Record, RecordFile

Choose = Callable[[RecordFile], bool]
"""Whether a file is wanted."""


def every_file(file: RecordFile) -> bool:
    """Chooses each file."""
    del file
    return True


def record_files(folder: Path, choose: Choose = every_file) -> list[tuple[RecordFile, Path]]:
    """The files of records, those of one stream from the oldest to the one being written."""
    found = [(file, path) for path in folder.iterdir() if (file := RecordFile.parse(path.name)) and choose(file)]
    return sorted(found, key=lambda item: (item[0].service, item[0].task_id, item[0].stream, -item[0].rotation))


def rotate(folder: Path, *, max_bytes: int, keep: int) -> list[Path]:
    """Sets aside every file that has grown past `max_bytes`; of each, `keep` older ones stay. Returns what it removed.

    Fluent Bit opens a file anew for every write, so renaming it loses nothing.
    """
    removed: list[Path] = []
    for file, path in record_files(folder, lambda file: file.rotation == 0):
        if path.stat().st_size <= max_bytes:
            continue
        for number, candidate in sorted(_older(folder, file), reverse=True):
            if number >= keep:
                candidate.unlink()
                removed.append(candidate)
            else:
                candidate.rename(path.with_name(f"{path.name}.{number + 1}"))
        if keep:
            path.rename(path.with_name(f"{path.name}.1"))
        else:
            path.unlink()
            removed.append(path)
    return removed


def bound(folder: Path, max_bytes: int) -> list[Path]:
    """Keeps a folder below a size: rotates files past a sixteenth of it, then removes the oldest; returns these."""
    removed = rotate(folder, max_bytes=max_bytes // 16, keep=15)
    sizes = {path: path.stat() for _, path in record_files(folder)}
    total = sum(status.st_size for status in sizes.values())
    for path, status in sorted(sizes.items(), key=lambda item: item[1].st_mtime):
        if total <= max_bytes:
            break
        path.unlink(missing_ok=True)
        removed.append(path)
        total -= status.st_size
    return removed


def _older(folder: Path, file: RecordFile) -> Iterator[tuple[int, Path]]:
    for other, path in record_files(folder, lambda other: other.rotation > 0):
        if (other.service, other.task_id, other.stream) == (file.service, file.task_id, file.stream):
            yield other.rotation, path


class LineReader(Protocol):
    """Reads the lines of one stream in order."""

    def record(self, line: str, /) -> Record | None:
        """The record of a line; None if there is none, or none that is new."""
        ...


@dataclass(slots=True)
class _Open:
    """A file that is being followed. `rest` is a line that was not complete yet."""

    descriptor: int
    reader: LineReader
    rest: bytes = b""
    joiner: Joiner = field(default_factory=Joiner)


class Follower:
    """Gives the records that were added to a folder since the last look, new files and rotation included.

    `reader` makes what reads a stream's lines, of text in `encoding`; the default is for what log routers write.
    """

    def __init__(
        self,
        folder: Path,
        choose: Choose = every_file,
        *,
        from_start: bool = True,
        reader: Callable[[], LineReader] = Deliveries,
        encoding: str = "utf-8",
    ) -> None:
        self._folder = folder
        self._choose = choose
        self._open: dict[int, _Open] = {}
        """By inode, which a rotated file keeps."""
        self._encoding = encoding
        self._readers: defaultdict[tuple[str, str, str], LineReader] = defaultdict(reader)
        """By service, task and stream: what is delivered again may stand in the next file."""
        self._files: dict[int, RecordFile] = {}
        if not from_start:
            self._look()
            for opened in self._open.values():
                os.lseek(opened.descriptor, 0, os.SEEK_END)

    def read(self) -> list[tuple[RecordFile, Record]]:
        """The new records with the file each one stands in, by time."""
        present = self._look()
        found: list[tuple[RecordFile, Record]] = []
        for inode, opened in list(self._open.items()):
            found += [(self._files[inode], record) for record in self._new_records(opened)]
            if inode not in present:
                found += [(self._files[inode], record) for record in opened.joiner.rest()]
                self._forget(inode)
        return sorted(found, key=lambda item: item[1].time_ns)

    def close(self) -> list[tuple[RecordFile, Record]]:
        """Stops following; returns what was left of lines whose end never came."""
        left = [(self._files[inode], record) for inode, opened in self._open.items() for record in opened.joiner.rest()]
        for inode in list(self._open):
            self._forget(inode)
        return left

    def _look(self) -> set[int]:
        """Opens what is new; returns the inodes that are there."""
        present: set[int] = set()
        for file, path in record_files(self._folder, self._choose):
            with contextlib.suppress(FileNotFoundError):  # rotated away since the listing: found under its new name
                descriptor = os.open(path, os.O_RDONLY)
                inode = os.fstat(descriptor).st_ino
                present.add(inode)
                if inode in self._open:
                    os.close(descriptor)
                else:
                    stream = (file.service, file.task_id, file.stream)
                    self._open[inode] = _Open(descriptor, self._readers[stream])
                    self._files[inode] = file
        return present

    def _forget(self, inode: int) -> None:
        os.close(self._open.pop(inode).descriptor)
        del self._files[inode]

    def _new_records(self, opened: _Open) -> Iterator[Record]:
        while block := os.read(opened.descriptor, 1 << 20):
            *lines, opened.rest = (opened.rest + block).split(b"\n")
            for line in lines:
                record = opened.reader.record(line.decode(self._encoding, errors="replace"))
                whole = opened.joiner.add(record) if record else None
                if whole is not None:
                    yield whole
