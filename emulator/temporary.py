"""Temporary folders that do not outlive their command for good, whatever ends it.

A command that is killed cannot remove its folder. So each folder is locked as long as its command lives, and the next
command that makes one removes those without a lock.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

fcntl: ModuleType | None
try:
    fcntl = importlib.import_module("fcntl")
except ImportError:  # Windows, where a folder cannot be locked: it stays until the system cleans up
    fcntl = None

PREFIX = "copilot-local-tmp-"
_YOUNG = 60.0
"""Seconds within which a folder may not be locked yet."""


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder of this user alone, removed afterwards; those that killed commands left behind are removed first."""
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    descriptor = _locked(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def remove_abandoned(young: float = _YOUNG) -> None:
    """Removes the folders of commands that are gone: of this user, unlocked, and older than `young` seconds."""
    if fcntl is None:
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            found = os.lstat(folder)
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or time.time() - found.st_mtime < young:
                continue
            descriptor = _locked(folder)
            if descriptor is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(descriptor)


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock; None where another command holds it, or none can."""
    if fcntl is None:
        return None
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
