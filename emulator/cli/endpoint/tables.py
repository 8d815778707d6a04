"""`copilot-local tables`: the tables and their items."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from emulator.cli.endpoint.asking import Limit, asked, printed_as_json, show
from emulator.cli.shell.options import App, Env, Format, OutputFormat

Table = Annotated[str, typer.Argument(metavar="TABLE", help="SERVICE/LOGICAL_ID, LOGICAL_ID, or AWS's name.")]
_COLUMNS = {"name": "TABLE", "items": "ITEMS", "key": "KEY", "table": "NAME IN DYNAMODB"}


def list_(app: App = None, env: Env = None, format: Format = OutputFormat.TEXT) -> None:
    """List the tables, with their keys and the number of their items."""
    show(asked(app, env, "tables"), _COLUMNS, format, "there is no table")


def items(
    table: Table, limit: Limit = 20, app: App = None, env: Env = None, format: Format = OutputFormat.TEXT
) -> None:
    """Show the first items of a table as plain JSON, one per line."""
    found = asked(app, env, "items", table=table, limit=limit)
    if printed_as_json(found, format):
        return
    if not found:
        typer.echo(f"{table}: no item", err=True)
    for item in found:
        typer.echo(json.dumps(item, ensure_ascii=False))
