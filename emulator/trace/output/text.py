"""A trace for people: a block a request, two lines a hop, then what changed. Pure. Meant to fit 80 columns."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from emulator.trace.diagnosis.view import Diagnosis, location_of
from emulator.trace.requests.changes import Change, Kind
from emulator.trace.requests.exchange import Outcome
from emulator.trace.requests.hops import SERVICE_CONNECT, Hop, Trace, header, trace_root

WIDTH = 80
_MARKS = {Kind.ADDED: "+", Kind.REMOVED: "-", Kind.CHANGED: "~"}
_SERVER = 44
"""Column behind the names of a hop's ends."""
_SERVER_OF_TASKS = 39
"""The same where lines also say the task, so that they fit."""
_LEAST_NAME = 7
"""Characters of a name that are left where it is shortened."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """How wide names, status and time of a trace's hops are."""

    names: int
    status: int
    took: int


def block(trace: Trace, width: int = WIDTH) -> Iterator[str]:
    """The lines of one request."""
    first = trace.asked
    what = f"{first.method} {first.path}" if first.method else f"{first.client} → {first.server}"
    count = len(trace.hops)
    yield _cut(f"{what}: {_status(first)}, {_took(first)}, {count} hop{'s' if count > 1 else ''}", width)
    if trace.trace_id:
        yield f"trace id {trace.trace_id}"
    columns = _columns(trace, width)
    for number, hop in enumerate(trace.hops, 1):
        yield from _hop(trace, number, hop, columns, width)


def verdict(diagnosis: Diagnosis, width: int = WIDTH) -> Iterator[str]:
    """The lines of a diagnosis: where, what, what to do. Words are not broken: paths and directives can be copied."""
    where = f"{diagnosis.position}: " if diagnosis.position else ""
    kind = "fault" if diagnosis.certain else "perhaps"
    yield from _wrapped(f"{kind} at hop {diagnosis.hop + 1}: {where}{diagnosis.message}", width, "", "  ")
    if diagnosis.hint:
        yield from _wrapped(f"hint: {diagnosis.hint}", width, "  ", "    ")


def _columns(trace: Trace, width: int) -> _Columns:
    """Names have a fixed column, unless one is longer: then they have what the others leave."""
    several = _several(trace)
    usual = _Columns(_SERVER_OF_TASKS if several else _SERVER, 12, 10)
    longest = max(len(_names(number, hop)) for number, hop in enumerate(trace.hops, 1))
    if longest <= usual.names:
        return usual
    status, took = (max(len(text(hop)) for hop in trace.hops) for text in (_status, _took))
    tasks = max(len(_task(hop)) for hop in trace.hops) if several else 0
    return _Columns(min(longest, max(width - status - took - tasks - 2, usual.names)), status, took)


def _several(trace: Trace) -> bool:
    return len({one.task for one in trace.hops if one.task}) > 1


def _task(hop: Hop) -> str:
    return f"  (task {hop.task})" if hop.task else ""


def _names(number: int, hop: Hop, width: int | None = None) -> str:
    """A hop's ends. What is wider than `width` loses the middle of its names: the port is what counts."""
    before = f"{'  ' * hop.depth}{number} "
    name, colon, port = hop.server.rpartition(":")
    client, name, end = _printable(hop.client), _printable(name), _printable(colon + port)
    if width is not None:
        room = max(width - len(before) - len(" → ") - len(end), 2 * _LEAST_NAME)
        for_client = max(room - len(name), room // 2)
        client = _shortened(client, for_client)
        name = _shortened(name, room - len(client))
    return f"{before}{client} → {name}{end}"


def _shortened(name: str, width: int) -> str:
    """A name without its middle, where it is too long."""
    if len(name) <= width:
        return name
    end = (width - 1) // 2
    return f"{name[: width - 1 - end]}…{name[len(name) - end :]}"


def _hop(trace: Trace, number: int, hop: Hop, columns: _Columns, width: int) -> Iterator[str]:
    indent = "  " * hop.depth
    names = _names(number, hop, columns.names)
    where = _task(hop) if _several(trace) else ""
    yield f"{names.ljust(columns.names)} {_status(hop):<{columns.status}} {_took(hop):>{columns.took}}{where}".rstrip()
    inner = indent + "  "
    if hop.client == SERVICE_CONNECT and hop.parent is not None:
        handed = f"the request of hop {hop.parent + 1}, handed on by Service Connect's proxy"
        yield _cut(f"{inner}{handed}", width)
    exchange = hop.exchange
    if exchange.request is not None:
        yield _cut(f"{inner}{hop.method} {hop.path}", width)
        if not any(change.name.lower() == "host" for change in hop.request_changes):
            yield _cut(f"{inner}Host: {hop.host or '(none)'}", width)
    elif exchange.outcome is Outcome.TLS:
        name = exchange.server_name or "no server name"
        yield f"{inner}TLS to {name}: {exchange.sent} bytes sent, {exchange.received} received, not read"
    elif exchange.outcome is Outcome.OPAQUE:
        yield f"{inner}{exchange.note}: {exchange.sent} bytes sent, {exchange.received} received"
    if exchange.request is not None and exchange.informational:
        yield f"{inner}before the answer: {', '.join(str(status) for status in exchange.informational)}"
    if exchange.note and exchange.outcome not in (Outcome.OPAQUE, Outcome.REFUSED):
        yield from _wrapped(exchange.note, width, inner, inner)
    if exchange.response is not None and (place := header(exchange.response.headers, "location")):
        yield _cut(f"{inner}answered with Location: {place}", width)
    before = trace.hops[hop.parent] if hop.parent is not None else None
    if before is not None and before.path and hop.path and before.path != hop.path:
        yield _cut(f"{inner}~ path: {before.path} → {hop.path}", width)
    for change in hop.request_changes:
        yield _cut(f"{inner}{_change(change)}", width)
    if hop.response_changes:
        yield f"{inner}on the way back, {hop.client} made of the answer:"
        for change in hop.response_changes:
            yield _cut(f"{inner}  {_change(change)}", width)
    for logged in hop.logged:
        line = _cut(logged.line, len(logged.line))
        said = f"access log of {logged.service} {logged.task}: {line}"
        yield from _wrapped(said, width, inner, inner + "  ", break_words=True)  # JSON has no spaces
    if hop.by == "time":
        encrypted = before is not None and before.exchange.outcome is Outcome.TLS
        why = "what came over TLS is not read" if encrypted else "it carries no trace id"
        if before is not None and before.exchange.request and hop.exchange.request:
            ids = [trace_root(one.exchange.request.headers) for one in (before, hop) if one.exchange.request]
            if all(ids) and ids[0] != ids[1]:
                why = "the load balancer replaces the trace id of a request with more than 7 KB of headers"
        choice = f", and {hop.fits} requests fit" if hop.fits > 1 else ""
        yield from _wrapped(f"(joined by time and connection: {why}{choice})", width, inner, inner + " ")


def to_https(trace: Trace) -> str:
    """Method and URL that the load balancer redirected a plain HTTP request to, where it is HTTPS; else empty."""
    place = location_of(trace.asked) if len(trace.hops) == 1 else ""
    return f"{trace.asked.method} {shlex.quote(_cut(place, len(place)))}" if place.startswith("https:") else ""


def _change(change: Change) -> str:
    mark = _MARKS[change.kind]
    if change.is_large:
        sizes = {
            Kind.ADDED: f"{change.after_bytes} bytes",
            Kind.REMOVED: f"{change.before_bytes} bytes",
            Kind.CHANGED: f"{change.before_bytes} → {change.after_bytes} bytes",
        }
        return f"{mark} {change.name} ({sizes[change.kind]})"
    if change.kind is Kind.REMOVED:
        return f"{mark} {change.name}"
    if change.kind is Kind.CHANGED:
        return f"{mark} {change.name}: {change.before} → {change.after}"
    return f"{mark} {change.name}: {change.after}"


def _status(hop: Hop) -> str:
    if hop.exchange.outcome is Outcome.ANSWERED:
        return str(hop.status)
    if hop.status is not None:
        return f"{hop.status} {hop.exchange.outcome}"
    return str(hop.exchange.outcome)


def _took(hop: Hop) -> str:
    took = hop.milliseconds
    if took is None:
        return "not over"
    return f"{took:.1f} ms" if took < 1000 else f"{took / 1000:.2f} s"


def _printable(line: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in line)


def _cut(line: str, width: int) -> str:
    line = _printable(line)
    return line if len(line) <= width else line[: width - 1] + "…"


def _wrapped(text: str, width: int, first: str, rest: str, *, break_words: bool = False) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=break_words, break_on_hyphens=False
    )
