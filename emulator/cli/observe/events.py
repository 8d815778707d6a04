"""`copilot-local events`: what happens to tasks."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from emulator.cli.shell.chosen_environment import running_agent
from emulator.cli.shell.options import App, Env


def events(
    app: App = None,
    env: Env = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow the output.")] = False,
) -> None:
    """Print ECS state changes of tasks and deployments as EventBridge sends them, one JSON object per line."""
    with running_agent(app, env) as agent:
        for event in agent.task_events(follow=follow):
            typer.echo(json.dumps(event))
