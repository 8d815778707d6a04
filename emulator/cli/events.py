"""`copilot-local events`: what happens to tasks."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from emulator.cli.loading import Selection, find_names
from emulator.cli.options import App, Env


def events(
    app: App = None,
    env: Env = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
) -> None:
    """Print ECS task state changes as EventBridge sends them, one JSON object a line."""
    from emulator.engine.connect import connect
    from emulator.runtime.control import agent_of
    from emulator.runtime.names import Names

    for event in agent_of(connect(), Names(*find_names(Selection(app, env)))).task_events(follow=follow):
        typer.echo(json.dumps(event))
