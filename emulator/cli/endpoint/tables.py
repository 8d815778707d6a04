"""`copilot-local tables`: the tables and their items."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from emulator.cli.endpoint.asking import Endpoint, Limit

Table = Annotated[str, typer.Argument(metavar="TABLE", help="SERVICE/LOGICAL_ID, LOGICAL_ID, or AWS's name.")]
_COLUMNS = {"name": "TABLE", "items": "ITEMS", "key": "KEY", "table": "NAME IN DYNAMODB"}


def list_(at: Endpoint = Endpoint()) -> None:
    """List the tables, with their keys and the number of their items."""
    at.show(at.ask("tables"), _COLUMNS, "there is no table")


def items(table: Table, limit: Limit = 20, at: Endpoint = Endpoint()) -> None:
    """Show the first items of a table as plain JSON, one per line."""
    found = at.ask("items", table=table, limit=limit)
    if at.printed_as_json(found):
        return
    if not found:
        typer.echo(f"{table}: no item", err=True)
    for item in found:
        typer.echo(json.dumps(item, ensure_ascii=False))
