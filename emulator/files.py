"""Reads files that a workspace names: regular files only, and never more than a bound.

A named pipe would block for ever and `/dev/zero` would fill the memory, so the kind of file is checked on the open
descriptor before anything is read. Everything that is wrong is an `OSError`, as with `Path.read_text`.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MAX_BYTES = 5_000_000
"""Of a file of text: manifests, settings, variables, Dockerfiles and templates have kilobytes."""
MAX_SYNCED_BYTES = 500_000_000
"""Of a file that is copied into a container."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class UnusableFile(OSError):
    """A file that is not read: it is no regular file, or larger than what is asked for ever is."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(errno.EINVAL, reason, str(path))

    def __str__(self) -> str:
        return f"{self.filename} {self.strerror}"


def read_bytes(path: Path | str, *, most: int = MAX_BYTES) -> bytes:
    """The content of a regular file of at most `most` bytes. Symbolic links are followed.

    Raises `UnusableFile` for a pipe, a device, a folder, a socket and a larger file, `OSError` for what cannot be read.
    """
    # A pipe without a writer is opened at once, not when its writer comes; a terminal does not become ours.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    parts: list[bytes] = []
    left = most + 1
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise UnusableFile(path, f"is {kind_of(mode)}, not a regular file")
        while left and (part := os.read(descriptor, min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(descriptor)
    if not left:
        raise UnusableFile(path, f"is larger than {most:,} bytes")
    return b"".join(parts)


def read_text(path: Path | str, *, most: int = MAX_BYTES, errors: str = "strict") -> str:
    """The same as text, its line ends as `\\n`, without the mark that some editors put before UTF-8. Raises
    `UnicodeDecodeError` too."""
    return read_bytes(path, most=most).decode("utf-8-sig", errors).replace("\r\n", "\n").replace("\r", "\n")


def lines_of(text: str) -> list[str]:
    """The lines of what `read_text` gave. `str.splitlines` ends lines at U+0085, U+2028 and others too, which values
    may have: JSON and other programs take them for any character."""
    return text.removesuffix("\n").split("\n")


def kind_of(mode: int) -> str:
    """What a file is, by its mode: `a named pipe`."""
    return next((name for is_kind, name in _KINDS if is_kind(mode)), "a regular file")


def irregular(path: Path | str) -> str:
    """What is at `path` where that is neither missing nor a regular file (`a named pipe`); else empty."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return ""
    return "" if stat.S_ISREG(mode) else kind_of(mode)
