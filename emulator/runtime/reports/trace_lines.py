"""What containers printed of one trace: lines that hold its id, in X-Ray's form or in OpenTelemetry's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from emulator.engine.interface import Engine, LogLine
from emulator.runtime.reports.logs import members_of, print_so_far
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Member, observe
from emulator.traces.screens import Line
from emulator.traces.spans import xray_form

AROUND = 1.0
"""Seconds before a trace's first span and after its last in which lines may be of it."""


def pattern_of(trace: str) -> str:
    """A regular expression for the id of a trace, given as 32 digits."""
    return f"(?i){re.escape(xray_form(trace))}|{trace}"


def lines_of_trace(engine: Engine, environment: Names, answer: Mapping[str, Any]) -> list[Line]:
    """The lines of a trace, as `Agent.trace` gives it, by their time."""
    head = answer["trace"]
    services: Iterable[str] = dict.fromkeys(span["workload"] for span in answer["spans"] if span["workload"])
    wanted = re.compile(pattern_of(head["id"]))
    first, last = head["time"] - AROUND, head["time"] + head["duration"] + AROUND

    def of_trace(member: Member, line: LogLine) -> bool:
        del member
        inside = line.timestamp is None or first <= line.timestamp.timestamp() <= last
        return inside and wanted.search(line.text) is not None

    members = members_of(observe(engine, environment), list(services))
    return [
        Line((one.line.timestamp or datetime.now(UTC)).timestamp(), one.service, one.container, one.line.text)
        for one in print_so_far(engine, members, None, of_trace)
    ]
