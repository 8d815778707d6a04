"""`copilot-local logs`: what containers printed, and what arrived of it."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.loading import Selection, find_names
from emulator.cli.options import App, Env, Format, Name, OutputFormat
from emulator.errors import UsageError
from emulator.events import Event, EventKind

if TYPE_CHECKING:
    from emulator.engine.interface import Engine
    from emulator.runtime.names import Names


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
    from emulator.engine.connect import connect
    from emulator.runtime.names import Names

    if routed and tail is not None:
        raise UsageError("--tail cannot be combined with --routed")
    environment = Names(*find_names(Selection(app, env)))
    chosen = [*([name] if name else []), *(services or [])]
    with closing(connect()) as engine:
        if routed:
            _print_records(engine, environment, chosen, follow=follow)
        else:
            _print_lines(engine, environment, chosen, tail, follow=follow, as_json=format is OutputFormat.JSON)


def _print_records(engine: Engine, environment: Names, services: list[str], *, follow: bool) -> None:
    """Each record as its destination would get it, with nothing added."""
    from emulator.runtime.records import routed_records

    for record in routed_records(engine, environment, services, follow=follow):
        typer.echo(json.dumps(record["record"], ensure_ascii=False))


def _print_lines(
    engine: Engine, environment: Names, services: list[str], tail: int | None, *, follow: bool, as_json: bool
) -> None:
    from emulator.display import make_display
    from emulator.runtime.logs import follow_all, print_so_far

    if follow:
        interrupted = threading.Event()
        lines = follow_all(engine, environment, services, tail, interrupted)
    else:
        lines = print_so_far(engine, environment, services, tail)
    display = make_display("json" if as_json else "text")
    try:
        for found in lines:
            subject = found.container if len(services) == 1 else f"{found.service}/{found.container}"
            fields: dict[str, str | int | float | bool] = {"stream": found.line.stream, "task": found.task_id}
            if found.line.timestamp is not None:
                fields["time"] = found.line.timestamp.isoformat()
            display.emit(Event(EventKind.LOG, subject, found.line.text, fields))
    finally:
        display.close()
