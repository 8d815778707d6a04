"""What the verbs share: one question to the endpoint, options, and how rows are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from emulator.cli.shell.chosen_environment import chosen_environment
from emulator.cli.shell.options import App, Env, Format, OutputFormat, assignments
from emulator.errors import InputError
from emulator.files import read_text

Queue = Annotated[
    str, typer.Argument(metavar="QUEUE", help="SERVICE, SERVICE/TOPIC, SERVICE/LOGICAL_ID of an addon, or AWS's name.")
]
Topic = Annotated[str, typer.Argument(metavar="TOPIC", help="SERVICE/TOPIC, SERVICE/LOGICAL_ID, or AWS's name.")]
Body = Annotated[str, typer.Argument(metavar="BODY", help="The text; @FILE reads a file, - standard input.")]
Attributes = Annotated[
    list[str] | None, typer.Option("--attribute", metavar="NAME=VALUE", help="A message attribute. Repeatable.")
]
Group = Annotated[
    str | None, typer.Option("--group", metavar="ID", help="The message group, for FIFO. Default: copilot-local.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many at most.")]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint of an environment, and how its answers are printed."""

    app: App = None
    env: Env = None
    format: Format = OutputFormat.TEXT

    def ask(self, verb: str, **arguments: Any) -> Any:
        """Its answer. Raises InputError."""
        from emulator.runtime.control.local_aws import ask

        with chosen_environment(self.app, self.env) as (engine, names):
            return ask(engine, names, verb, **arguments)

    def printed_as_json(self, found: object) -> bool:
        """Prints an answer where JSON is wanted; False, and nothing is printed, where text is."""
        if self.format is OutputFormat.JSON:
            typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return self.format is OutputFormat.JSON

    def show(self, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], nothing: str) -> None:
        """Prints rows: as JSON whole, as text a table of `columns` (key to title), or `nothing` where there is none."""
        from emulator.display.table import table, width_of

        if self.printed_as_json(rows):
            return
        if rows:
            cells = [[_cell(row[key]) for key in columns] for row in rows]
            typer.echo(table(list(columns.values()), cells, width=width_of(sys.stdout)))
        else:
            typer.echo(nothing, err=True)

    def tell(self, found: Mapping[str, Any], text: str) -> None:
        """What was done, in words or as the endpoint tells it."""
        typer.echo(json.dumps(found, indent=2) if self.format is OutputFormat.JSON else text)


def text_of(body: str) -> str:
    """The text that `BODY` means. Raises InputError for a file that cannot be read."""
    if body == "-":
        return sys.stdin.read()
    if not body.startswith("@"):
        return body
    try:
        return read_text(Path(body[1:]).expanduser())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{body[1:]}: the message cannot be read: {error}") from None


def attributes_of(pairs: Sequence[str] | None) -> dict[str, str]:
    """`--attribute` options. Raises UsageError naming the one that is none."""
    return assignments(pairs, "--attribute", fits=lambda name, _: name)


def counted(number: int, what: str) -> str:
    """`1 message`, `2 messages`."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
