"""Puts the seed into the local AWS endpoint, what of it is not there yet."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from emulator.engine.interface import Engine, File
from emulator.errors import CopilotLocalError, NotFound
from emulator.events import Emit, Event, EventKind
from emulator.runtime.control.local_aws import ask
from emulator.runtime.specs.aws.seed import SEED_DOCUMENT, SEED_FOLDER, Seed
from emulator.runtime.state.names import Names

SUBJECT = "seed the local AWS endpoint"


def plant(engine: Engine, environment: Names, seed: Seed, seeded: Collection[str], emit: Emit) -> None:
    """Seeds queues, tables, buckets and parameters that were not seeded before; those that hold something already are
    left as they are, with a warning. `seeded` are those that the endpoint is known to have been seeded with.

    Raises InputError, with the line of the seed or of the settings, for what cannot be put there; nothing of the seed
    is in the endpoint then that was not there before.
    """
    if not seed.targets:
        return
    engine.put_files(environment.aws, SEED_FOLDER, _files(engine, environment, seed))  # a reset takes what it says now
    if set(seed.targets) <= set(seeded):
        return
    emit(Event(EventKind.STEP_STARTED, SUBJECT))
    try:
        found = ask(engine, environment, "seed")
    except CopilotLocalError as error:
        emit(Event(EventKind.STEP_FAILED, SUBJECT, error.message))
        raise
    emit(Event(EventKind.STEP_DONE, SUBJECT))
    for name in found["left"]:
        emit(Event(EventKind.WARNING, SUBJECT, f"{name} holds something already: its seed is left out"))


def _files(engine: Engine, environment: Names, seed: Seed) -> tuple[File, ...]:
    """Those of the seed, with what the endpoint has of the seed of services that are not brought up now."""
    if not seed.others:
        return seed.files
    try:
        before = _targets(engine.read_file(environment.aws, f"{SEED_FOLDER}/{SEED_DOCUMENT}"))
    except NotFound:
        return seed.files
    document, *rest = seed.files
    kept = [target for target in before if f"{target['kind']} {target['name']}" in seed.others]
    content = {"targets": [*_targets(document.content), *kept]}
    return (replace(document, content=json.dumps(content).encode()), *rest)


def _targets(document: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(document)["targets"]
    return found
