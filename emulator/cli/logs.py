"""`copilot-local logs`: what containers printed, and what arrived of it."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.cli.loading import Selection, find_names
from emulator.cli.options import App, Env, Format, Name, OutputFormat
from emulator.errors import Unsupported


def logs(
    services: Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Services. Else all.")] = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    routed: Annotated[
        bool, typer.Option("--routed", help="The records that left the log router, as JSON, one a line.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", min=0, metavar="LINES", help="Only the last lines of each container.")
    ] = None,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Show the logs of an environment's containers."""
    names = find_names(Selection(app, env))
    del services, name, follow, routed, tail, format, names
    raise Unsupported("`logs` does not show anything yet")
