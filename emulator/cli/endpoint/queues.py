"""`copilot-local queues`: what is in the queues, and messages sent, moved back and removed by hand."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from emulator.cli.endpoint.asking import (
    Attributes,
    Body,
    Group,
    Limit,
    Queue,
    asked,
    attributes_of,
    counted,
    printed_as_json,
    show,
    tell,
    text_of,
)
from emulator.cli.shell.options import App, Env, Format, OutputFormat

Dead = Annotated[bool, typer.Option("--dead", help="The queue's dead letters instead.")]
_COLUMNS = {
    "name": "QUEUE",
    "visible": "WAITING",
    "in_flight": "IN FLIGHT",
    "delayed": "DELAYED",
    "dead_letters": "DEAD LETTERS",
    "queue": "NAME IN SQS",
}


def list_(app: App = None, env: Env = None, format: Format = OutputFormat.TEXT) -> None:
    """List the queues: messages that wait, in flight, delayed, and dead letters."""
    show(asked(app, env, "queues"), _COLUMNS, format, "there is no queue")


def peek(
    queue: Queue,
    dead: Dead = False,
    limit: Limit = 10,
    app: App = None,
    env: Env = None,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Show the first messages of a queue, also those in flight. Nothing changes: no receive count, no visibility."""
    messages = asked(app, env, "peek", queue=queue, limit=limit, dead=dead)
    if printed_as_json(messages, format):
        return
    if not messages:
        typer.echo(f"{'the dead letters of ' if dead else ''}{queue}: no message", err=True)
    for message in messages:
        typer.echo(_line(message))


def send(
    queue: Queue,
    body: Body,
    attribute: Attributes = None,
    group: Group = None,
    app: App = None,
    env: Env = None,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Send a message to a queue as it is. What comes through a topic has SNS's envelope: see `topics publish`."""
    found = asked(app, env, "send", queue=queue, body=text_of(body), attributes=attributes_of(attribute), group=group)
    tell(found, f"message {found['id']} is in {found['queue']}", format)


def redrive(queue: Queue, app: App = None, env: Env = None, format: Format = OutputFormat.TEXT) -> None:
    """Move the dead letters of a queue back to it."""
    found = asked(app, env, "redrive", queue=queue)
    tell(found, f"{counted(found['moved'], 'message')} moved from {found['from']} to {found['queue']}", format)


def purge(
    queue: Queue, dead: Dead = False, app: App = None, env: Env = None, format: Format = OutputFormat.TEXT
) -> None:
    """Remove every message of a queue, also those in flight."""
    found = asked(app, env, "purge", queue=queue, dead=dead)
    tell(found, f"{counted(found['removed'], 'message')} removed from {found['queue']}", format)


def _line(message: dict[str, Any]) -> str:
    """A message on one line: id, receptions, what is special of it, body."""
    notes = [f"received {message['received']}x"]
    notes += [] if message["visible"] else ["not visible now"]
    notes += [f"group {message['group']}"] if message["group"] else []
    notes += [f"{name}={value}" for name, value in message["attributes"].items()]
    return f"{message['id']}  ({', '.join(notes)})  {message['body']}"
