"""`copilot-local down`: stop and remove an environment."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.cli.loading import Selection, find_names
from emulator.cli.options import App, Env, Name
from emulator.errors import Unsupported


def down(
    app: App = None,
    env: Env = None,
    name: Name = None,
    volumes: Annotated[bool, typer.Option("--volumes", "-v", help="Remove data too: logs and file systems.")] = False,
    timeout: Annotated[
        int | None,
        typer.Option("--timeout", "-t", min=0, metavar="SECONDS", help="SIGTERM to SIGKILL, instead of each its own."),
    ] = None,
) -> None:
    """Stop an environment in reverse order of its dependencies and remove it."""
    names = find_names(Selection(app, env))
    del name, volumes, timeout, names
    raise Unsupported("`down` does not stop anything yet")
