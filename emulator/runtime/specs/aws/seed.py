"""What an environment's local AWS endpoint holds from the start, as it lies in its container."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.engine.interface import File
from emulator.errors import Position

SEED_FOLDER = "/copilot-local/own/seed"
SEED_DOCUMENT = "seed.json"


@dataclass(frozen=True, slots=True)
class SqlSeed:
    """SQL for one database: `SERVICE/LOGICAL_ID`, where the settings name it, and each file with its text."""

    name: str
    position: Position | None
    files: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Seed:
    """`files` go into `SEED_FOLDER`: `SEED_DOCUMENT`, which `emulator.aws.contents.seed` describes, and what it names.
    `targets` are the queues, tables, buckets and sets of parameters they are for, as `table api/Orders`; `others` those
    of services that are not brought up now."""

    files: tuple[File, ...]
    targets: tuple[str, ...]
    databases: tuple[SqlSeed, ...] = ()
    others: tuple[str, ...] = ()
