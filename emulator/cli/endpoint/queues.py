"""`copilot-local queues`: what is in the queues, and messages sent, moved back and removed by hand."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from emulator.cli.endpoint.asking import (
    Attributes,
    Body,
    Endpoint,
    Group,
    Limit,
    Queue,
    attributes_of,
    counted,
    text_of,
)

Dead = Annotated[bool, typer.Option("--dead", help="The queue's dead letters instead.")]
_COLUMNS = {
    "name": "QUEUE",
    "visible": "WAITING",
    "in_flight": "IN FLIGHT",
    "delayed": "DELAYED",
    "dead_letters": "DEAD LETTERS",
    "queue": "NAME IN SQS",
}


def list_(at: Endpoint = Endpoint()) -> None:
    """List the queues: messages that wait, in flight, delayed, and dead letters."""
    at.show(at.ask("queues"), _COLUMNS, "there is no queue")


def peek(queue: Queue, dead: Dead = False, limit: Limit = 10, at: Endpoint = Endpoint()) -> None:
    """Show the first messages of a queue, also those in flight. Nothing changes: no receive count, no visibility."""
    messages = at.ask("peek", queue=queue, limit=limit, dead=dead)
    if at.printed_as_json(messages):
        return
    if not messages:
        typer.echo(f"{'the dead letters of ' if dead else ''}{queue}: no message", err=True)
    for message in messages:
        typer.echo(_line(message))


def send(
    queue: Queue, body: Body, attribute: Attributes = None, group: Group = None, at: Endpoint = Endpoint()
) -> None:
    """Send a message to a queue as it is. What comes through a topic has SNS's envelope: see `topics publish`."""
    found = at.ask("send", queue=queue, body=text_of(body), attributes=attributes_of(attribute), group=group)
    at.tell(found, f"message {found['id']} is in {found['queue']}")


def redrive(queue: Queue, at: Endpoint = Endpoint()) -> None:
    """Move the dead letters of a queue back to it."""
    found = at.ask("redrive", queue=queue)
    at.tell(found, f"{counted(found['moved'], 'message')} moved from {found['from']} to {found['queue']}")


def purge(queue: Queue, dead: Dead = False, at: Endpoint = Endpoint()) -> None:
    """Remove every message of a queue, also those in flight."""
    found = at.ask("purge", queue=queue, dead=dead)
    at.tell(found, f"{counted(found['removed'], 'message')} removed from {found['queue']}")


def _line(message: dict[str, Any]) -> str:
    """A message on one line: id, receptions, what is special of it, body."""
    notes = [f"received {message['received']}x"]
    notes += [] if message["visible"] else ["not visible now"]
    notes += [f"group {message['group']}"] if message["group"] else []
    notes += [f"{name}={value}" for name, value in message["attributes"].items()]
    return f"{message['id']}  ({', '.join(notes)})  {message['body']}"
