"""`copilot-local down`: stop and remove an environment."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from emulator.cli.shell.chosen_environment import chosen_environment
from emulator.cli.shell.interrupt import interruptions
from emulator.cli.shell.options import App, Env, Name, Quiet
from emulator.errors import UsageError
from emulator.events import Emit, Event, EventKind


def down(
    app: App = None,
    env: Env = None,
    name: Name = None,
    volumes: Annotated[bool, typer.Option("--volumes", "-v", help="Remove data too: logs and file systems.")] = False,
    timeout: Annotated[
        int | None,
        typer.Option("--timeout", "-t", min=0, metavar="SECONDS", help="SIGTERM to SIGKILL, instead of each its own."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Stop an environment in reverse order of its dependencies and remove it."""
    from emulator.display import make_display
    from emulator.runtime.lifecycle.down import down as take_down

    if name is not None:
        raise UsageError("down stops a whole environment: -n does not go with it")
    with closing(make_display(quiet=quiet)) as display, chosen_environment(app, env) as (engine, names):
        _, killed = interruptions(display.emit)
        found = take_down(
            engine,
            names,
            display.emit,
            volumes=volumes,
            timeout=timeout,
            cancelled=killed,
            agent_image=lambda: _agent_image(display.emit),
        )
        if volumes:
            from emulator.setup.authority import remove_certificates  # brings cryptography, which takes its time

            remove_certificates(names.app, names.environment)
        if not found:
            message = f"nothing is running in {names.app}/{names.environment}"
            display.emit(Event(EventKind.INFO, "down", message))


def _agent_image(emit: Emit) -> str:
    from emulator.setup.images import any_agent_image

    return any_agent_image(emit)
