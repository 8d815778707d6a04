"""The Compose services of `[beside]`: what the workspace's files come to, and which of their services are meant."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from emulator.engine.docker.compose import ComposeFiles
from emulator.errors import InputError, Position
from emulator.runtime.specs.beside import Beside, chosen
from emulator.settings import setting_position
from emulator.settings_services import BesideSettings


def read_beside(
    root: Path, settings: BesideSettings, workloads: Collection[str], variables: Mapping[str, str]
) -> Beside:
    """The services that are meant. `variables` are given beside those of the shell, for `${NAME}` in the files.

    Raises UsageError without Compose, InputError for what is wrong in the files or the settings.
    """
    where = setting_position(root, "beside", "compose")
    files = _files(settings, where)
    config = files.config({**os.environ, **variables})
    at = setting_position(root, "beside", "services") or where
    return Beside(chosen(config, settings.services, workloads, at), files.files[0].parent)


def digest(settings: BesideSettings) -> str:
    """Changes with everything that the files say and include, and with no value of a variable. Raises as
    `read_beside`."""
    config = _files(settings, None).config(os.environ, interpolate=False)
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def _files(settings: BesideSettings, where: Position | None) -> ComposeFiles:
    files = tuple(map(Path, settings.compose))
    for file in files:
        if not file.is_file():
            raise InputError(f"there is no Compose file {file}", position=where)
    return ComposeFiles(files, settings.profiles)
