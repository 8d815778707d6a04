"""What the ECS API itself keeps on this machine: task definitions, clusters and services that are gone. Of one user,
one JSON file a kind, replaced whole; values of secrets are in none of them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emulator.errors import InputError
from emulator.files import read_bytes
from emulator.setup.paths import data_dir

FOLDER = "ecs"
"""Below the folder where this user's data is."""
TASK_DEFINITIONS = "task-definitions"
"""The document of them: objects with region, family and revision."""

MOST_BYTES = 100_000_000


class Store:
    """Documents in a folder. Other processes of the same user may have it at the same time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> dict[str, Any]:
        """A document; empty where there is none. Raises `InputError` for one that cannot be read."""
        path = self._folder / f"{name}.json"
        try:
            found: dict[str, Any] = json.loads(read_bytes(path, most=MOST_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read: {error}", hint="move it away to begin anew") from None
        return found

    @contextlib.contextmanager
    def changing(self, name: str) -> Iterator[dict[str, Any]]:
        """A document to be changed within this block; it is written at its end unless that raises."""
        path = self._folder / f"{name}.json"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (self._folder / f"{name}.lock").open("w", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                content = self.read(name)
                yield content
                new = path.with_suffix(".new")
                new.touch(mode=0o600)
                new.write_text(json.dumps(content), encoding="utf-8")
                os.replace(new, path)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}") from None

    def clear(self) -> None:
        """Forgets everything."""
        for path in self._folder.glob("*.json"):
            path.unlink(missing_ok=True)


def last_revisions(region: str) -> dict[str, int]:
    """By family, the last revision that this user registered in a region through the ECS API: `up` gives its own later
    ones. Raises `InputError` for a document that cannot be read."""
    found: dict[str, int] = {}
    for one in Store(data_dir() / FOLDER).read(TASK_DEFINITIONS).values():
        if one["region"] == region:
            found[one["family"]] = max(found.get(one["family"], 0), int(one["revision"]))
    return found
