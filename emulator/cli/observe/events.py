"""`copilot-local events`: what happens to tasks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from emulator.cli.shell.chosen_environment import running_agent
from emulator.cli.shell.options import App, Env, OutputFormat


def events(
    app: App = None,
    env: Env = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow the output.")] = False,
    format: Annotated[
        OutputFormat | None,
        typer.Option("--format", help="Output format. Default: text on a terminal, otherwise json."),
    ] = None,
) -> None:
    """Print ECS state changes of tasks and deployments: a line for each, or JSON as EventBridge sends it.

    JSON is one object per line, and what a pipe or a file gets.
    """
    as_text = sys.stdout.isatty() if format is None else format is OutputFormat.TEXT
    with running_agent(app, env) as agent:
        for event in agent.task_events(follow=follow):
            typer.echo(text(event) if as_text else json.dumps(event))


def text(event: Mapping[str, Any]) -> str:
    """An event in one line: when, which task, service or job, what became of it, and why."""
    detail: Mapping[str, Any] = event["detail"]
    at = str(event["time"])[:19].replace("T", " ")
    if event["detail-type"] == "ECS Task State Change":
        group = str(detail.get("group", "")).partition(":")[2]
        who = f"{group} {str(detail['taskArn']).rpartition('/')[2][:8]}"
        return f"{at}  {who}  {_status(detail)} ({', '.join(_containers(detail))}){_because(detail, 'stoppedReason')}"
    if "stateMachineArn" in detail:
        job = str(detail["stateMachineArn"]).rpartition(":")[2]
        return f"{at}  {job}  {detail['status']}{_because(detail, 'cause')}"
    service = str(event["resources"][0]).rpartition("/")[2]
    return f"{at}  {service}  {detail.get('eventName', event['detail-type'])}{_because(detail, 'reason')}"


def _status(detail: Mapping[str, Any]) -> str:
    last, desired = detail["lastStatus"], detail.get("desiredStatus", "")
    return f"{last}, to be stopped" if desired == "STOPPED" and last != "STOPPED" else str(last)


def _containers(detail: Mapping[str, Any]) -> Iterator[str]:
    for one in detail["containers"]:
        state = f"exited {one['exitCode']}" if "exitCode" in one else str(one["lastStatus"]).lower()
        yield f"{one['name']} {state}" + (f", {one['reason']}" if one.get("reason") else "")


def _because(detail: Mapping[str, Any], key: str) -> str:
    return f": {detail[key]}" if detail.get(key) else ""
