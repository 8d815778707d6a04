"""`copilot-local inspect`: tasks as DescribeTasks shows them, services as DescribeServices does."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from emulator.cli.shell import completion
from emulator.cli.shell.chosen_environment import running_agent
from emulator.cli.shell.options import App, Env, Name
from emulator.errors import InputError


def inspect(
    tasks: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TASK]...", help="Task ids or their beginnings.", autocompletion=completion.task_ids),
    ] = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
) -> None:
    """Print tasks in the shape of `aws ecs describe-tasks`: those that run, and the last that stopped.

    Without TASK, print services too, in the shape of `aws ecs describe-services`, with their deployments.
    """
    with running_agent(app, env) as agent:
        found = agent.tasks(name)
        services = [] if tasks else [one for one in agent.services() if name in (None, one["serviceName"])]
    if tasks:
        chosen = [task for task in found if any(_id(task).startswith(wanted) for wanted in tasks)]
        missing = [wanted for wanted in tasks if not any(_id(task).startswith(wanted) for task in found)]
        if missing:
            raise InputError(f"no such task: {', '.join(missing)}", hint="`copilot-local ps` shows their ids")
        found = chosen
    typer.echo(json.dumps({"tasks": found} if tasks else {"tasks": found, "services": services}, indent=2))


def _id(task: dict[str, str]) -> str:
    return task["taskArn"].rpartition("/")[2]
