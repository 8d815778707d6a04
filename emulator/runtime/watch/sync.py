"""Copies files into running containers: what a `[[sync]]` rule does."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterable
from pathlib import Path

from emulator.engine.interface import Engine, File
from emulator.errors import TaskError
from emulator.files import MAX_SYNCED_BYTES, read_bytes
from emulator.runtime.state.observed import Member
from emulator.runtime.watch.files import WatchedSync
from emulator.trust.root import is_inside

COMMAND_TIMEOUT = 60
MOST_NAMED = 5
MOST_WORDS = 200
"""How many files one command removes."""


def copy(engine: Engine, sync: WatchedSync, members: Iterable[Member], paths: Iterable[Path]) -> int:
    """Makes the rule's files in each container as they are here: removes what is gone, writes what is there, then runs
    the rule's command or sends its signal. Returns how many containers there were. Raises `TaskError` where the
    command fails, and after all the rest where a file is a link that leads out of the workspace: it is not copied."""
    written: list[File] = []
    removed: list[str] = []
    outside: list[Path] = []
    folders = [path for path in (sync.source, sync.root) if path is not None]
    folder = sync.rule.target if sync.source.is_dir() else posixpath.dirname(sync.rule.target)
    for path in sorted(_files(paths)):
        target = _target(sync, path)
        try:
            mode = path.stat().st_mode
            if not is_inside(path, folders):
                outside.append(path)
            elif stat.S_ISREG(mode):
                content = read_bytes(path, most=MAX_SYNCED_BYTES)
                written.append(File(posixpath.relpath(target, folder), content, stat.S_IMODE(mode)))
        except FileNotFoundError:
            removed.append(target)
        except NotADirectoryError:  # a file has taken the place of its folder
            removed.append(_target(sync, next(parent for parent in path.parents if parent.exists())))
        except OSError as error:
            raise TaskError(f"{path} cannot be copied: {error.strerror}") from None
    count = 0
    for member in members:
        if not member.running:
            continue
        count += 1
        for start in range(0, len(removed), MOST_WORDS):
            engine.exec(member.container.id, ["rm", "-rf", "--", *removed[start : start + MOST_WORDS]], user="0")
        if written:
            engine.put_files(member.container.id, folder, written)
        _afterwards(engine, sync, member)
    if outside:
        names = ", ".join(str(path) for path in outside[:MOST_NAMED])
        raise TaskError(
            f"not copied, as links lead out of {folders[-1]}: {names}",
            hint="put the files themselves there; what a rule copies lies in the workspace",
        )
    return count


def _files(paths: Iterable[Path]) -> set[Path]:
    """The files, with those in folders that came as a whole."""
    found: set[Path] = set()
    for path in paths:
        found |= {below for below in path.rglob("*") if below.is_file()} if path.is_dir() else {path}
    return found


def _target(sync: WatchedSync, path: Path) -> str:
    if path == sync.source:
        return sync.rule.target
    return posixpath.join(sync.rule.target, path.relative_to(sync.source).as_posix())


def _afterwards(engine: Engine, sync: WatchedSync, member: Member) -> None:
    if sync.rule.signal:
        engine.kill(member.container.id, sync.rule.signal)
    if sync.rule.command:
        result = engine.exec(member.container.id, ["sh", "-c", sync.rule.command], timeout=COMMAND_TIMEOUT)
        if result.exit_code:
            said = (result.stdout + result.stderr).decode(errors="replace").strip().splitlines()
            last = f": {said[-1]}" if said else ""
            raise TaskError(f"the command of the sync rule ended with code {result.exit_code}{last}")
