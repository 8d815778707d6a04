"""What containers printed beside what their log router delivered of it, line by line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from emulator.console.questions import state_of
from emulator.engine.interface import Engine
from emulator.redaction import redact_forms
from emulator.runtime.images.router_files import own_filters
from emulator.runtime.reports.compare import (
    LOST,
    UNDER_WAY,
    Arrivals,
    Delivered,
    Pending,
    Printed,
    delivered,
    flush_of,
    printed_of,
)
from emulator.runtime.reports.records import routed_records
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import observe

MOST_LINES: Final = 400
"""Of each container, the last ones."""
MOST_RECORDS: Final = 4 * MOST_LINES
"""Of each stream: a line may have a record at several destinations."""
MOST_ROWS: Final = 4000


def compared(engine: Engine, environment: Names, services: Sequence[str]) -> dict[str, Any]:
    """The last lines of each container that logs through a router, at each of its destinations: `rows`, oldest first,
    and `totals` by what became of them.

    A row's `state` is `routed`, `changed` (the record's `log` is another text, or it has none), `dropped`, `under way`
    or `lost`; `why` says by what. Raises InputError where nothing runs.
    """
    state = state_of(engine, environment)
    observed = observe(engine, environment)
    definitions = {name: one.service.task_definition for name, one in state.services.items()}
    printed = printed_of(engine, observed, definitions, services, own_filters(engine, environment), MOST_LINES)
    fidelity = {name: one.options.fidelity for name, one in state.services.items()}
    pending = Pending(max((flush_of(engine, one.task, fidelity[one.task.service]) for one in printed), default=1.0))
    records = (
        routed_records(engine, environment, (), follow=False, join=True, tail=MOST_RECORDS) if printed else iter(())
    )
    arrivals = Arrivals(observed, records, whole=True)
    rows = [row for one in printed for found in delivered(one, arrivals, pending) for row in _rows(one, found)]
    rows.sort(key=lambda row: str(row["at"]))
    rows = rows[-MOST_ROWS:]
    return {"rows": rows, "totals": Counter(row["state"] for row in rows)}


def _rows(printed: Printed, found: Delivered) -> list[dict[str, Any]]:
    where = {
        "service": printed.task.service,
        "task": printed.task.id,
        "container": printed.member.name,
        "destination": found.where.name,
        "plugin": found.where.plugin,
    }
    rows = []
    for place, (moment, text) in enumerate(printed.lines):
        row = {**where, "at": moment, "text": redact_forms(text), "record": "", "why": ""}
        arrival = found.matched.arrived.get(place)
        if arrival is not None:
            row["state"] = "routed" if arrival.text == text else "changed"
            whole = arrival.whole
            row["record"] = redact_forms(json.dumps(whole, ensure_ascii=False)) if whole is not None else ""
        else:
            reason = found.missing.get(place)
            row["state"] = _STATES.get(reason or "", "dropped") if reason else "not counted"
            row["why"] = _why(reason or "", printed.filters)
        rows.append(row)
    return rows


_STATES: Final = {UNDER_WAY: "under way", LOST: "lost"}


def _why(reason: str, filters: Sequence[str]) -> str:
    """A reason in words. A line that no pattern drops was dropped by a filter where the user's file has any."""
    if reason == LOST:
        return f"filters of your configuration ({', '.join(filters)})" if filters else "no record of it arrived"
    return reason or "what arrives at this destination cannot be read here"
