"""Opens files below a folder whose content a task chooses.

A log router writes into folders that the agent and the relay read as root. No symbolic link is followed on any part of
the way, and only regular files are opened: a link, a FIFO, a device or a folder in place of a file raises `NotAFile`,
and opening one never blocks.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

MOST_ENTRIES = 4096
"""Entries of one folder that are looked at."""
DEEPEST = 4
"""Levels of folders that are looked into."""
MODE = 0o644
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotAFile(OSError):
    """What has the name of a file is something else."""


@contextlib.contextmanager
def folder_beneath(root: Path, relative: str | Path = ".") -> Iterator[int]:
    """A descriptor of the folder at `root / relative`. `root` itself is trusted. Raises OSError where a part of the
    way is no folder, links to folders included."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in Path(relative).parts:
            if part in ("/", ".."):
                raise NotAFile(errno.EINVAL, "a path that leads out of its folder", str(relative))
            below = os.open(part, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def open_beneath(root: Path, relative: str | Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of the regular file at `root / relative`. With O_CREAT it is made if it is not there.

    Raises FileNotFoundError, `NotAFile` for what is no regular file, OSError.
    """
    path = Path(relative)
    with folder_beneath(root, path.parent) as folder:
        return _open(folder, path.name, flags)


def append_beneath(root: Path, relative: str | Path, data: bytes) -> None:
    """Adds to the end of the regular file at `root / relative`, which is made if it is not there; what else has its
    name is removed. Raises OSError; then nothing was added, so that a second try leaves each line there once."""
    path = Path(relative)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with folder_beneath(root, path.parent) as folder:
        try:
            descriptor = _open(folder, path.name, flags)
        except NotAFile:
            remove_entry(folder, path.name)
            descriptor = _open(folder, path.name, flags | os.O_EXCL)
    try:
        _append(descriptor, data)
    finally:
        os.close(descriptor)


def _append(descriptor: int, data: bytes) -> None:
    before = os.fstat(descriptor).st_size
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, before)
        raise


def write_beneath(root: Path, name: str, data: bytes) -> None:
    """Makes the regular file of that name in `root`, in place of what has its name. Raises OSError."""
    if Path(name).name != name:
        raise NotAFile(errno.EINVAL, "a path that leads out of its folder", name)
    with folder_beneath(root) as folder:
        remove_entry(folder, name)
        descriptor = _open(folder, name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with open(descriptor, "wb") as file:
        file.write(data)


def entries_beneath(root: Path, relative: str | Path = ".", most: int = MOST_ENTRIES) -> list[tuple[str, str]]:
    """Names in the folder at `root / relative` with what each one is: `file`, `folder` or `other`. Raises OSError."""
    with folder_beneath(root, relative) as folder, os.scandir(folder) as found:
        return [(entry.name, _kind(entry)) for entry in islice(found, most)]


def files_beneath(root: Path, suffix: str) -> list[Path]:
    """Paths, from `root` on, of the regular files below it that end so."""
    found: list[Path] = []
    waiting = [(Path(), 1)]
    while waiting:
        folder, depth = waiting.pop()
        with contextlib.suppress(OSError):
            for name, kind in entries_beneath(root, folder):
                if kind == "file" and name.endswith(suffix):
                    found.append(folder / name)
                elif kind == "folder" and depth < DEEPEST:
                    waiting.append((folder / name, depth + 1))
    return found


def remove_entry(folder: int, name: str) -> None:
    """Removes what has that name in an open folder; a folder only if it is empty. One that is gone is fine."""
    with contextlib.suppress(FileNotFoundError):
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            os.rmdir(name, dir_fd=folder)
        else:
            os.unlink(name, dir_fd=folder)


def read_all(descriptor: int, most: int) -> bytes:
    """The content of an open file, which is closed; `NotAFile` where that is more than `most` bytes."""
    with open(descriptor, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise NotAFile(errno.EFBIG, f"more than {most} bytes")
    return data


def _open(folder: int, name: str, flags: int) -> int:
    # Without O_NONBLOCK a FIFO would be waited for.
    safe = flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        descriptor = os.open(name, safe, MODE, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.EPERM):
            raise NotAFile(error.errno, "not a regular file", name) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotAFile(errno.EINVAL, "not a regular file", name)
    return descriptor


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_file(follow_symlinks=False):
        return "file"
    return "folder" if entry.is_dir(follow_symlinks=False) else "other"
