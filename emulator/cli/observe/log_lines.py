"""Prints containers' lines. Imports next to nothing: the shortest way of `logs` is through here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from emulator.display import make_display
from emulator.events import Event, EventKind
from emulator.runtime.control import direct
from emulator.runtime.state.log_subjects import LogSubjects

if TYPE_CHECKING:
    from emulator.runtime.state.names import Names

Row = tuple[str, str, str, str, datetime | None, str]
"""A line: service, task, container, `stdout` or `stderr`, when, and its text."""


def print_lines(rows: Iterable[Row], subjects: LogSubjects, *, timestamps: bool, as_json: bool) -> int:
    """Prints lines with what they come from; returns how many there were."""
    display, count = make_display("json" if as_json else "text"), 0
    try:
        for service, task, container, stream, moment, text in rows:
            count += 1
            fields: dict[str, str | int | float | bool] = {"stream": stream, "task": task}
            if moment is not None:
                fields["time"] = moment.isoformat()
                text = f"{moment.isoformat(timespec='milliseconds')} {text}" if timestamps else text
            display.emit(Event(EventKind.LOG, subjects.subject(service, task, container), text, fields))
    finally:
        display.close()
    return count


def print_direct(
    environment: Names, services: Sequence[str], tail: int | None, *, router: bool, timestamps: bool, as_json: bool
) -> bool:
    """Prints what the agent says that containers have printed; False, and nothing is printed, where it cannot be asked
    directly, or one of the services has no task."""
    query: dict[str, str | bool | list[str]] = {"service": list(services), "router": router}
    if tail is not None:
        query["tail"] = str(tail)
    messages = direct.messages(environment, "lines", query)
    head = next(messages, {}).get("printed", {}) if messages is not None else {}
    if messages is None or (head.get("app"), head.get("environment")) != (environment.app, environment.environment):
        return False
    if not set(services) <= set(head["services"]):
        return False
    subjects = LogSubjects(one_service=len(services) == 1)
    for service, task, _ in head["containers"]:
        subjects.add(service, task)
    print_lines(_rows(messages, head["containers"]), subjects, timestamps=timestamps, as_json=as_json)
    return True


def _rows(messages: Iterator[dict[str, Any]], containers: Sequence[tuple[str, str, str]]) -> Iterator[Row]:
    for message in messages:
        for number, stream, moment, text in message["lines"]:
            service, task, container = containers[number]
            yield service, task, container, stream, datetime.fromisoformat(moment) if moment else None, text
