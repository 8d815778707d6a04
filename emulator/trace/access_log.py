"""The access logs of Service Connect's proxies, joined to the hops of a trace by `x-request-id`."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError
from emulator.trace.requests.exchange import Logged
from emulator.trace.requests.hops import Trace

_ID = "x-request-id"
_READABLE = re.compile(r"[A-Za-z0-9_-]{8,128}")
"""An id that tells a request from others; proxies make one of 36 characters where a client sends none."""
ARRIVAL = 1.5
"""Seconds that lines may take to arrive: proxies write them a few times a second."""
_LOOK = 0.1


@dataclass(frozen=True, slots=True)
class Writer:
    """A proxy that writes an access log: the name of its container in Docker, its service, and its task's short id."""

    container: str
    service: str
    task: str


def with_access_logs(engine: Engine, writers: Sequence[Writer], trace: Trace, seconds: float = ARRIVAL) -> Trace:
    """The trace with what proxies wrote of its hops: each line at the first hop with its request's id. Lines have at
    most `seconds` to arrive."""
    wanted = _ids(trace)
    if not writers or not wanted:
        return trace
    since = datetime.fromtimestamp(trace.hops[0].exchange.began, UTC) - timedelta(seconds=1)
    until = time.monotonic() + seconds
    while True:
        found = {request_id: _lines(engine, writers, request_id, since) for request_id in wanted}
        if all(found.values()) or time.monotonic() >= until:
            break
        time.sleep(_LOOK)
    hops = list(trace.hops)
    for request_id, number in wanted.items():
        hops[number] = replace(hops[number], logged=tuple(found[request_id]))
    return replace(trace, hops=tuple(hops))


def _ids(trace: Trace) -> dict[str, int]:
    """The ids of a trace's requests, each with the first hop that carries it."""
    found: dict[str, int] = {}
    for number, hop in enumerate(trace.hops):
        request_id = hop.sent(_ID)
        if _READABLE.fullmatch(request_id):
            found.setdefault(request_id, number)
    return found


def _lines(engine: Engine, writers: Sequence[Writer], request_id: str, since: datetime) -> list[Logged]:
    """Both formats have the id in quotation marks."""
    found: list[Logged] = []
    for writer in writers:
        with contextlib.suppress(CopilotLocalError):  # its task may end meanwhile
            lines = [line.text for line in engine.logs(writer.container, since=since)]
            found += [Logged(writer.service, writer.task, line) for line in lines if f'"{request_id}"' in line]
    return found
