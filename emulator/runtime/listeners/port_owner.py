"""Which program of this machine listens on a TCP port, as far as Linux tells this user."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from emulator.engine.sockets import parse_listeners

_DOCKER = "docker-proxy"
"""What Docker runs for a published port."""


def program_on(port: int, proc: Path = Path("/proc")) -> str:
    """`nginx, process 1234`; empty where no program listens, or the system does not say which."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port, proc)}
    if not sockets:
        return ""
    for process in sorted((one for one in _entries(proc) if one.name.isdecimal()), key=lambda one: int(one.name)):
        for descriptor in _entries(process / "fd"):
            with contextlib.suppress(OSError):  # it may be another user's, or gone
                if os.readlink(descriptor) in sockets:
                    name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                    if name == _DOCKER:
                        return f"a container: `docker ps --filter publish={port}`"
                    return f"{name}, process {process.name}"
    return ""


def _inodes(port: int, proc: Path) -> set[int]:
    found: set[int] = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            text = (proc / "net" / table).read_text(encoding="ascii")
            found |= {one.inode for one in parse_listeners(text) if one.port == port and one.inode}
    return found


def _entries(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from folder.iterdir()
