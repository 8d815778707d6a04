"""Where the set-up keeps things: the XDG folders of the user, and the build files that ship with the package."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import emulator
from emulator.errors import ImageError
from emulator.events import Emit, Event, EventKind, discard

PACKAGE = Path(emulator.__file__).parent


def cache_dir() -> Path:
    """`$XDG_CACHE_HOME/copilot-local`: wheels, sources, logs. Safe to delete."""
    return Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache") / "copilot-local"


def config_dir() -> Path:
    """`$XDG_CONFIG_HOME/copilot-local`: where the substitution of images is written."""
    return Path(os.environ.get("XDG_CONFIG_HOME", "") or Path.home() / ".config") / "copilot-local"


def data_dir() -> Path:
    """`$XDG_DATA_HOME/copilot-local`: the certificate authority of this user and what it signed."""
    return Path(os.environ.get("XDG_DATA_HOME", "") or Path.home() / ".local" / "share") / "copilot-local"


def log_file(name: str) -> Path:
    """The log of the commands that made the image `name`."""
    return cache_dir() / "logs" / f"{name}.log"


def data_path(name: str) -> Path:
    """The folder of build files `name`, in a checkout or in an installed package.

    `fluentbit` stands at the top of a checkout and under `emulator/setup/data` in a wheel; the other recipes are part
    of this package. Raises ImageError where the installation is incomplete.
    """
    candidates = (PACKAGE / "setup" / "recipes" / name, PACKAGE / "setup" / "data" / name, PACKAGE.parent / name)
    for candidate in candidates:
        if (candidate / "Dockerfile").is_file():
            return candidate
    raise ImageError(f"the build files of {name} are not installed", hint="install copilot-local again")


def files_of(folder: Path) -> list[Path]:
    """Every file under a folder that belongs to a build, relative to it, sorted."""
    return sorted(map(Path, _names(str(folder), "")), key=lambda path: path.parts)


def _names(folder: str, below: str) -> Iterator[str]:
    """The same as text: each `up` reads them, and `Path.rglob` takes five times as long."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    yield from _names(entry.path, f"{below}{entry.name}/")
            elif not entry.name.startswith(".") and entry.is_file():
                yield below + entry.name


def content_key(folder: Path, *more: str) -> str:
    """A name for what a folder holds: 12 hexadecimal digits that change with any path or content, or with `more`.

    File modes and times do not count: they differ between a checkout and an installed package.
    """
    return content_key_of({path: folder / path for path in files_of(folder)}, *more)


def content_key_of(files: Mapping[Path, Path], *more: str) -> str:
    """As `content_key`, of a folder that would have these files: the path in it, and where it is read from."""
    digest = hashlib.sha256()
    for path, source in sorted(files.items(), key=lambda pair: pair[0].parts):
        with open(source, "rb", buffering=0) as file:
            content = file.read()
        digest.update(f"{path.as_posix()}\0{len(content)}\0".encode() + content)
    for text in more:
        digest.update(f"\0{text}".encode())
    return digest.hexdigest()[:12]


def copy_normalised(source: Path, target: Path) -> None:
    """Copies a folder for a build, with modes that depend on neither the user's umask nor the installer."""
    for path in files_of(source):
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, copy)
    for path in (target, *target.rglob("*")):
        executable = path.is_dir() or path.suffix == ".sh" or path.name == "configure"
        path.chmod(0o755 if executable else 0o644)


@contextlib.contextmanager
def locked(name: str, emit: Emit = discard) -> Iterator[None]:
    """Holds the lock `name` against every other process of this user; waits for it, and says so."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / f"{name}.lock").open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            emit(Event(EventKind.INFO, name, "waiting for another copilot-local that does the same"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
