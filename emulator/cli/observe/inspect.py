"""`copilot-local inspect`: tasks as DescribeTasks shows them, services as DescribeServices does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from emulator.cli.shell import completion
from emulator.cli.shell.chosen_environment import running_agent
from emulator.cli.shell.options import App, Env, Name
from emulator.errors import InputError
from emulator.spelling import did_you_mean


def inspect(
    tasks: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TASK|SERVICE]...",
            help="Task ids, their beginnings, or services.",
            autocompletion=completion.services_and_tasks,
        ),
    ] = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
) -> None:
    """Print tasks in the shape of `aws ecs describe-tasks`: those that run, and the last that stopped.

    For a SERVICE, and without an argument, print services too, in the shape of `aws ecs describe-services`.
    """
    with running_agent(app, env) as agent:
        found = agent.tasks(name)
        services = [one for one in agent.services() if name in (None, one["serviceName"])]
    content: dict[str, list[dict[str, Any]]] = {"tasks": found, "services": services}
    typer.echo(json.dumps(chosen(content, tasks) if tasks else content, indent=2))


def chosen(content: dict[str, list[dict[str, Any]]], wanted: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The tasks with these ids, or beginnings of ids, and those of services with these names; with such services.

    Raises `InputError` for what is neither.
    """
    services = [one for one in content["services"] if one["serviceName"] in wanted]
    known = {one["serviceName"] for one in content["services"]}
    missing = [
        one for one in wanted if one not in known and not any(_id(task).startswith(one) for task in content["tasks"])
    ]
    if missing:
        hint = did_you_mean(missing[0], known, "services that run") if known else ""
        raise InputError(
            f"no such task or service: {', '.join(missing)}",
            hint="; ".join(filter(None, [hint, "`copilot-local ps -a` shows the ids of tasks"])),
        )
    groups = {f"service:{one['serviceName']}" for one in services}
    tasks = [
        task
        for task in content["tasks"]
        if task.get("group") in groups or any(_id(task).startswith(one) for one in wanted)
    ]
    return {"tasks": tasks, "services": services} if services else {"tasks": tasks}


def _id(task: dict[str, Any]) -> str:
    return str(task["taskArn"]).rpartition("/")[2]
