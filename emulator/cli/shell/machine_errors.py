"""What the machine refuses, as an error with what, where and what to do: a disk that is full, a folder that cannot be
written, a home that is not there. None of it is a bug, wherever it happens."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from emulator.errors import InputError
from emulator.files import UnusableFile
from emulator.visible import STREAMS

_OURS = frozenset({errno.EBADF, errno.EINVAL, errno.EFAULT, errno.ENOTSOCK})
"""What a wrong call of ours would get."""
_NO_FILE = {
    errno.ENOSPC: ("a file cannot be written", "`df -h` shows which disk is full: make room there"),
    errno.EDQUOT: ("a file cannot be written", "`quota` shows how much your user may keep: make room"),
    errno.EFBIG: ("a file cannot be written", "`ulimit -f` shows how large a file may be"),
    errno.EROFS: ("a file cannot be written", "`mount` shows which file system is read-only"),
    errno.EIO: ("a file cannot be read or written", "the disk or its file system has a fault: see the system's log"),
    errno.EACCES: ("this user lacks a right", "run it as a user who may read and write these files"),
    errno.EPERM: ("this user lacks a right", "run it as a user who may do this"),
    errno.EMFILE: ("no further file can be opened", "`ulimit -n` shows how many may be open: raise it"),
    errno.ENFILE: ("no further file can be opened", "end programs that hold many files open"),
    errno.ENOMEM: ("there is no memory left", "end other programs, or give this machine more"),
    errno.EAGAIN: ("no further process or thread can begin", "`ulimit -u` shows how many there may be"),
    errno.EADDRINUSE: ("a port cannot be opened", "end the program that has it"),
    errno.EADDRNOTAVAIL: ("an address cannot be used", "look whether this machine has it"),
    errno.ENETUNREACH: ("the network cannot be reached", "look whether this machine has a connection"),
    errno.ENETDOWN: ("the network cannot be reached", "look whether this machine has a connection"),
    errno.EHOSTUNREACH: ("a host cannot be reached", "look whether this machine has a connection"),
}
"""What is told where no file is named, and what to do."""
_HOME_FOLDERS = {"XDG_CACHE_HOME": ".cache", "XDG_CONFIG_HOME": ".config", "XDG_DATA_HOME": ".local"}


def machine_error(error: Exception) -> InputError | None:
    """What to tell of an error that the machine has; None for one that may be a bug."""
    if isinstance(error, RuntimeError) and "home directory" in str(error):  # from `Path.home`
        return InputError("this user has no home folder", hint="set HOME to a folder that can be written")
    # An error of TLS has numbers of its own, which mean something else.
    if not isinstance(error, OSError) or error.errno is None or type(error).__module__ == "ssl":
        return None
    reason = error.strerror or os.strerror(error.errno)
    if error.filename in STREAMS:
        return InputError(f"{error.filename} cannot be written: {reason}", hint=_of_stream(error.errno))
    if isinstance(error, UnusableFile):
        return InputError(str(error), hint="give a regular file")
    if error.filename is not None and error.errno not in _OURS:
        path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else Path()
        if path != Path():
            return InputError(f"{path} cannot be used: {reason}", hint=_of_path(path, error.errno))
    if error.errno == errno.ENOENT and error.filename is None and _working_folder_is_gone():
        return InputError("the folder that you are in is not there any more", hint="`cd` into one that is")
    if error.errno in _NO_FILE:
        what, hint = _NO_FILE[error.errno]
        return InputError(f"{what}: {reason}", hint=hint)
    return None


def _working_folder_is_gone() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _of_stream(number: int) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "make room where the output is led to, or lead it elsewhere"
    return "look where the output is led to"


def _of_path(path: Path, number: int) -> str:
    full = number in (errno.ENOSPC, errno.EDQUOT)
    variable = next((name for name, folder in _own_folders() if _concerns(path, folder)), "")
    if variable and not full:
        return f"copilot-local keeps files of yours there: set {variable} to a folder that can be written"
    if full:
        return f"`df -h {path.parent}` shows what is left: make room there"
    if number == errno.EROFS:
        return "that file system is read-only: use another folder"
    if number in (errno.EACCES, errno.EPERM):
        return f"`ls -ld {path}` shows whose it is, and who may use it"
    if number in (errno.ENOENT, errno.ENOTDIR):
        return "look whether it is there, or went away while the command ran"
    return _NO_FILE[number][1] if number in _NO_FILE else f"`ls -ld {path}` shows what it is"


def _own_folders() -> Iterator[tuple[str, Path]]:
    """The variables that say where files of the user are kept, and where that is."""
    home = os.environ.get("HOME", "")
    for name, folder in _HOME_FOLDERS.items():
        if given := os.environ.get(name):
            yield name, Path(given)
        elif home:
            yield "HOME", Path(home, folder)


def _concerns(path: Path, folder: Path) -> bool:
    """Whether the path is in the folder, or a folder above it that is not there."""
    return path.is_relative_to(folder) or (folder.is_relative_to(path) and not os.path.isdir(path))
