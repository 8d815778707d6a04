"""A service as a Compose file, for suites that use pytest-docker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.app.load import load_one
from emulator.app.permissions import asked_for_one
from emulator.app.selection import Selection, region
from emulator.errors import InputError
from emulator.events import discard
from emulator.render.compose import PAUSE, PAUSE_IMAGE, ComposeOptions, render_compose
from emulator.trust.check import require


def write_compose_file(
    workspace: Path, service: str | None, folder: Path, options: Mapping[str, Any] | None = None
) -> Path:
    """Writes what `render compose` prints into a folder; returns the file. The target port is published on a free one.

    `options` are those of `Environment`: `app`, `environment`, `env_file`, `variables` and `images` count; images that
    are folders are refused. Raises the `CopilotLocalError` that says what is wrong.
    """
    given = dict(options or {})
    selection = Selection(
        given.get("app"),
        given.get("environment"),
        (service,) if service else tuple(given.get("services", ())),
        Path(given["env_file"]) if given.get("env_file") else None,
        start=workspace,
        variables=dict(given.get("variables") or {}),
    )
    loaded = load_one(selection, discard)
    require(asked_for_one(loaded, selection))
    images = _substitutes(loaded.service.task_definition.container_definitions, loaded.settings.references)
    for name, image in dict(given.get("images") or {}).items():
        if Path(image).exists():
            raise InputError(f"{name} is replaced by a folder, which is not built here: {image}", hint="give an image")
        images[name] = image
    root, values = str(loaded.workspace.root), loaded.settings.values
    text = render_compose(
        loaded.service, ComposeOptions(root=root, values=values, images=images, region=region(), port=0)
    )
    file = folder / f"{loaded.service.name}-{loaded.service.environment}.compose.yml"
    file.write_text(text, encoding="utf-8")
    return file


def _substitutes(containers: Any, table: Mapping[str, str]) -> dict[str, str]:
    """The images of `[substitute]`, by container; folders are left to `docker compose build`."""
    named = {PAUSE: PAUSE_IMAGE, **{c.name: c.image for c in containers if isinstance(c.image, str)}}
    return {name: table[image] for name, image in named.items() if image in table}
