"""`copilot-local targets`: the load balancer's targets and their health."""

from __future__ import annotations

import json

import typer

from emulator.cli.environment import running_agent
from emulator.cli.options import App, Env, Format, OutputFormat


def targets(app: App = None, env: Env = None, format: Format = OutputFormat.TEXT) -> None:
    """Show the load balancers' targets with their health, in the words of `describe-target-health`."""
    from emulator.display.table import table

    with running_agent(app, env) as agent:
        found = agent.status()["targets"]
    if format is OutputFormat.JSON:
        typer.echo(json.dumps(found, indent=2))
        return
    columns = ["service", "load_balancer", "target_group", "name", "state", "reason_code", "description"]
    rows = [[row[column] for column in columns] for row in found]
    titles = ["SERVICE", "LOAD BALANCER", "TARGET GROUP", "TARGET", "STATE", "REASON", "DESCRIPTION"]
    typer.echo(table(titles, rows))
