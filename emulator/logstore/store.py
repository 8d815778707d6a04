"""The folder of record files: listing, following what is being written, rotation.

A log router writes into its task's folder what it likes, under names that it chooses: see `emulator.logstore.beneath`.
"""

from __future__ import annotations

import contextlib
import errno
import heapq
import os
import shutil
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from emulator.logstore.beneath import entries_beneath, folder_beneath, open_beneath, remove_entry
from emulator.logstore.deliveries import Deliveries
from emulator.logstore.records import KEPT, Joiner, Record, RecordFile

BLOCK = 1 << 20
"""Bytes of a stream that are read at once."""
LONGEST_LINE = 8 << 20
"""A longer line is left out: Docker's log driver splits at 16 KiB, and Fluent Bit's largest chunk has 2 MB."""
MOST_FILES = 2000
"""Files that a log store keeps: every look at it costs time for each, those of tasks that have stopped too."""
MOST_TASKS = 20_000
"""Entries of the log store itself that are looked at."""

Choose = Callable[[RecordFile], bool]
"""Whether a file is wanted."""


def every_file(file: RecordFile) -> bool:
    """Chooses each file."""
    del file
    return True


def record_files(folder: Path, choose: Choose = every_file) -> list[tuple[RecordFile, Path]]:
    """The files of records, those of one stream from the oldest to the one being written.

    In a task's folder only the task's own streams count; what a container printed that logs to CloudWatch by itself
    stands beside these folders, where no container writes.
    """
    found: list[tuple[RecordFile, Path]] = []
    for name, kind in entries_beneath(folder, most=MOST_TASKS):
        if kind == "file":
            file = RecordFile.parse(name)
            if file is not None and choose(file):
                found.append((file, folder / name))
        elif kind == "folder":
            with contextlib.suppress(OSError):  # it is gone, or it is a link by now
                for inner, inner_kind in entries_beneath(folder, name):
                    file = _of_task(name, inner) if inner_kind == "file" else None
                    if file is not None and choose(file):
                        found.append((file, folder / name / inner))
    return sorted(found, key=lambda item: (item[0].service, item[0].task_id, item[0].stream, -item[0].rotation))


def _of_task(folder: str, name: str) -> RecordFile | None:
    """The file of that name in a task's folder; None of what is no stream of that task."""
    file = RecordFile.parse(name)
    return file if file is not None and file.folder == folder and not file.stream.startswith(KEPT) else None


def rotate(folder: Path, *, max_bytes: int, keep: int) -> list[Path]:
    """Sets aside every file that has grown past `max_bytes`; of each, `keep` older ones stay. Returns what it removed.

    Fluent Bit opens a file anew for every write, so renaming it loses nothing.
    """
    removed: list[Path] = []
    older: defaultdict[tuple[Path, str, str], list[tuple[int, Path]]] = defaultdict(list)
    current: list[tuple[RecordFile, Path]] = []
    for file, path in record_files(folder):
        if file.rotation:
            older[path.parent, file.folder, file.stream].append((file.rotation, path))
        else:
            current.append((file, path))
    for file, path in current:
        with contextlib.suppress(FileNotFoundError), folder_beneath(folder, path.parent.relative_to(folder)) as within:
            if os.stat(path.name, dir_fd=within, follow_symlinks=False).st_size <= max_bytes:
                continue
            for number, candidate in sorted(older[path.parent, file.folder, file.stream], reverse=True):
                if number >= keep:
                    remove_entry(within, candidate.name)
                    removed.append(candidate)
                else:
                    _rename(within, candidate.name, f"{path.name}.{number + 1}")
            if keep:
                _rename(within, path.name, f"{path.name}.1")
            else:
                remove_entry(within, path.name)
                removed.append(path)
    return removed


def _rename(folder: int, name: str, new: str) -> None:
    with contextlib.suppress(OSError):  # a folder has that name: it is removed, and renamed at the next look
        os.rename(name, new, src_dir_fd=folder, dst_dir_fd=folder)


def bound(folder: Path, max_bytes: int, *others: Path) -> list[Path]:
    """Keeps a folder, with `others`, below a size; returns what was removed.

    Files past a sixteenth of it are rotated. Of more than `MOST_FILES` the oldest go. Then the service that takes most
    loses its oldest file, so that one that prints without end costs no other its records. What a task's folder holds
    beside streams of the task is removed.
    """
    removed: list[Path] = []
    found: dict[Path, tuple[str, os.stat_result]] = {}
    for root in (folder, *others):
        _remove_foreign(root)
        removed += rotate(root, max_bytes=max_bytes // 16, keep=15)
        for file, path in record_files(root):
            with contextlib.suppress(FileNotFoundError):
                found[path] = (file.service, path.lstat())
    taken: Counter[str] = Counter()
    for owner, status in found.values():
        taken[owner] += status.st_size
    oldest = deque(sorted(found, key=lambda path: found[path][1].st_mtime))

    def remove(path: Path) -> None:
        oldest.remove(path)
        root = next(root for root in (folder, *others) if path.is_relative_to(root))
        with contextlib.suppress(FileNotFoundError), folder_beneath(root, path.parent.relative_to(root)) as within:
            remove_entry(within, path.name)
        removed.append(path)
        owner, status = found[path]
        taken[owner] -= status.st_size

    while len(oldest) > MOST_FILES:
        remove(oldest[0])
    while sum(taken.values()) > max_bytes and oldest:
        largest = max({found[path][0] for path in oldest}, key=lambda owner: taken[owner])
        remove(next(path for path in oldest if found[path][0] == largest))
    return removed


def _remove_foreign(root: Path) -> None:
    """Removes what a task put into its folder that is no stream of its own: nothing else would ever remove it."""
    for name, kind in entries_beneath(root, most=MOST_TASKS):
        if kind != "folder":
            continue
        with contextlib.suppress(OSError, RecursionError):
            for inner, inner_kind in entries_beneath(root, name):
                if inner_kind == "file" and _of_task(name, inner) is not None:
                    continue
                with folder_beneath(root, name) as within:
                    if inner_kind == "folder":
                        shutil.rmtree(inner, dir_fd=within)
                    else:
                        remove_entry(within, inner)


class LineReader(Protocol):
    """Reads the lines of one stream in order."""

    def record(self, line: str, /) -> Record | None:
        """The record of a line; None if there is none, or none that is new."""
        ...


@dataclass(slots=True)
class _Open:
    """A file that is being followed. `rest` is a line that was not complete yet; `skips`: it is too long to be read."""

    descriptor: int
    reader: LineReader
    rest: bytes = b""
    skips: bool = False
    joiner: Joiner = field(default_factory=Joiner)


class Follower:
    """Gives the records that were added to a folder since the last look, new files and rotation included.

    `reader` makes what reads a stream's lines, of text in `encoding`; the default is for what log routers write.
    Records come as their destination gets them; `join` puts together the lines that Docker split.
    """

    def __init__(
        self,
        folder: Path,
        choose: Choose = every_file,
        *,
        reader: Callable[[], LineReader] = Deliveries,
        encoding: str = "utf-8",
        join: bool = False,
    ) -> None:
        self._folder = folder
        self._join = join
        self._choose = choose
        self._open: dict[int, _Open] = {}
        """By inode, which a rotated file keeps."""
        self._encoding = encoding
        self._readers: defaultdict[tuple[str, str, str], LineReader] = defaultdict(reader)
        """By service, task and stream: what is delivered again may stand in the next file."""
        self._files: dict[int, RecordFile] = {}

    def records(self) -> Iterator[tuple[RecordFile, Record]]:
        """The new records with the file each one stands in: a block of each stream is in memory at a time, and within
        that they come by time."""
        present = self._look()
        streams: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        for inode, file in self._files.items():
            streams[_stream(file)].append(inode)
        each = [self._records_of(inodes, present) for inodes in streams.values()]
        yield from heapq.merge(*each, key=lambda item: item[1].time_ns)

    def close(self) -> list[tuple[RecordFile, Record]]:
        """Stops following; returns what was left of lines whose end never came."""
        left = [(self._files[inode], record) for inode, opened in self._open.items() for record in opened.joiner.rest()]
        for inode in list(self._open):
            self._forget(inode)
        return left

    def _records_of(self, inodes: list[int], present: set[int]) -> Iterator[tuple[RecordFile, Record]]:
        """The new records of one stream, whose files are given from the oldest to the newest."""
        for inode in inodes:
            for block in self._new_records(self._open[inode]):
                yield from ((self._files[inode], record) for record in block)
            if inode not in present:
                yield from ((self._files[inode], record) for record in self._open[inode].joiner.rest())
                self._forget(inode)

    def _look(self) -> set[int]:
        """Opens what is new; returns the inodes that are there."""
        present: set[int] = set()
        for file, path in record_files(self._folder, self._choose):
            # Rotated away since the listing: found under its new name. Or it is no file any more.
            with contextlib.suppress(OSError):
                descriptor = open_beneath(self._folder, path.relative_to(self._folder))
                inode = os.fstat(descriptor).st_ino
                present.add(inode)
                if inode in self._open:
                    os.close(descriptor)
                else:
                    self._open[inode] = _Open(descriptor, self._readers[_stream(file)])
                    self._files[inode] = file
        return present

    def _forget(self, inode: int) -> None:
        os.close(self._open.pop(inode).descriptor)
        del self._files[inode]

    def _new_records(self, opened: _Open) -> Iterator[list[Record]]:
        """The new records of a file, a block of it at a time."""
        while block := _read(opened.descriptor):
            *lines, rest = (opened.rest + block).split(b"\n")
            if lines and opened.skips:
                del lines[0]
                opened.skips = False
            opened.skips = opened.skips or len(rest) > LONGEST_LINE
            opened.rest = b"" if opened.skips else rest
            found = [record for line in lines if (record := self._record(opened, line)) is not None]
            found.sort(key=lambda record: record.time_ns)
            yield found

    def _record(self, opened: _Open, line: bytes) -> Record | None:
        record = opened.reader.record(line.decode(self._encoding, errors="replace"))
        return opened.joiner.add(record) if record and self._join else record


def _stream(file: RecordFile) -> tuple[str, str, str]:
    return file.service, file.task_id, file.stream


def _read(descriptor: int) -> bytes:
    """The next block of a file; empty at its end. What was never written to is skipped: it may be terabytes."""
    try:
        os.lseek(descriptor, os.lseek(descriptor, 0, os.SEEK_CUR), os.SEEK_DATA)
    except OSError as error:  # anything else: a file system that cannot tell
        if error.errno == errno.ENXIO:
            return b""
    return os.read(descriptor, BLOCK)
