"""`copilot-local down`: stop and remove an environment."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from emulator.cli.interrupt import interruptions
from emulator.cli.loading import Selection, find_names
from emulator.cli.options import App, Env, Name
from emulator.errors import UsageError
from emulator.events import Event, EventKind


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
    from emulator.display import make_display
    from emulator.engine.connect import connect
    from emulator.runtime.down import down as take_down
    from emulator.runtime.names import Names

    if name is not None:
        raise UsageError("down stops a whole environment: -n does not go with it")
    environment = Names(*find_names(Selection(app, env)))
    display = make_display("text")
    _, killed = interruptions(display.emit)
    try:
        with closing(connect()) as engine:
            found = take_down(engine, environment, display.emit, volumes=volumes, timeout=timeout, cancelled=killed)
        if not found:
            message = f"nothing of {environment.app}/{environment.environment} is running"
            display.emit(Event(EventKind.INFO, "down", message))
    finally:
        display.close()
