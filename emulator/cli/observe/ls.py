"""`copilot-local ls`: the environments on this machine."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import asdict

import typer

from emulator.cli.shell.options import App, Format, OutputFormat


def ls(app: App = None, format: Format = OutputFormat.TEXT) -> None:
    """List the environments on this machine, with what runs of each."""
    from emulator.display.table import table, width_of
    from emulator.engine.connect import connect
    from emulator.runtime.machine.environments import environments

    with closing(connect()) as engine:
        found = [one for one in environments(engine) if app in (None, one.app)]
    if format is OutputFormat.JSON:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    elif found:
        rows = [[one.app, one.environment, f"{one.running} of {one.containers}", one.url] for one in found]
        typer.echo(table(["APPLICATION", "ENVIRONMENT", "CONTAINERS RUNNING", "URL"], rows, width=width_of(sys.stdout)))
    else:
        typer.echo("no environment is on this machine", err=True)
