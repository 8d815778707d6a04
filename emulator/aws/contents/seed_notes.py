"""What was seeded already: noted beside the data, so that both are lost together."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.aws.contents.names import World
from emulator.aws.stacks.clients import Clients
from emulator.aws.stacks.providers.ssm import PLAIN, ensure_parameter, read_parameter

NOTES = Path("/copilot-local/data/seeded.json")


def notes_of(world: World, file: Path) -> FileNotes | ParameterNotes:
    """The notes of an endpoint: a file on the volume that holds its data; where another endpoint answers, a parameter
    in that one. `done` are the targets that were seeded, `doing` those of a run that may have been cut off."""
    if world.other:
        return ParameterNotes(world.clients, f"/copilot-local/{world.place}/seeded")
    return FileNotes(file)


@dataclass(frozen=True)
class FileNotes:
    """Notes in a file."""

    file: Path

    def read(self) -> dict[str, list[str]]:
        return _read(self.file.read_text(encoding="utf-8") if self.file.exists() else None)

    def write(self, done: Sequence[str], doing: Sequence[str]) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(_text(done, doing), encoding="utf-8")
        os.replace(new, self.file)


@dataclass(frozen=True)
class ParameterNotes:
    """Notes in a parameter of Systems Manager."""

    clients: Clients
    name: str

    def read(self) -> dict[str, list[str]]:
        return _read(read_parameter(self.clients, self.name))

    def write(self, done: Sequence[str], doing: Sequence[str]) -> None:
        ensure_parameter(self.clients, self.name, _text(done, doing), PLAIN)


def _read(text: str | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"done": [], "doing": []}
    return found | (json.loads(text) if text is not None else {})


def _text(done: Sequence[str], doing: Sequence[str]) -> str:
    return json.dumps({"done": list(done), "doing": list(doing)})
