"""`copilot-local targets`: the load balancer's targets and their health."""

from __future__ import annotations

import json
from contextlib import closing

import typer

from emulator.cli.loading import Selection, find_names
from emulator.cli.options import App, Env, Format, OutputFormat


def targets(app: App = None, env: Env = None, format: Format = OutputFormat.TEXT) -> None:
    """Show the load balancer's targets with their health, in the words of `describe-target-health`."""
    from emulator.display.table import table
    from emulator.engine.connect import connect
    from emulator.runtime.control import agent_of
    from emulator.runtime.names import Names

    names = Names(*find_names(Selection(app, env)))
    with closing(connect()) as engine:
        found = agent_of(engine, names).status()["targets"]
    if format is OutputFormat.JSON:
        typer.echo(json.dumps(found, indent=2))
        return
    rows = [
        [row["service"], row["target_group"], row["name"], row["state"], row["reason_code"], row["description"]]
        for row in found
    ]
    typer.echo(table(["SERVICE", "TARGET GROUP", "TARGET", "STATE", "REASON", "DESCRIPTION"], rows))
