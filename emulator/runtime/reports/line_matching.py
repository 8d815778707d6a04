"""Which of the lines that a container printed have a record at a destination. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Line = tuple[str, str]
"""When a line was printed, to the millisecond, and its text."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record at a destination: its time to the millisecond, its `log` if it has one, its tag; the whole of it where
    it is to be shown."""

    time: str
    text: str | None
    tag: str = ""
    whole: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Matched:
    """What of a container's lines arrived at one destination, by the lines' places in order."""

    arrived: dict[int, Arrival] = field(default_factory=dict)
    changed: int = 0
    """Records whose `log` is not the line any more, or that have none, or that have another time."""
    added: int = 0
    """Records that no line stands for, copies too."""

    @property
    def records(self) -> int:
        return len(self.arrived) + self.added


def match_lines(
    lines: Sequence[Line],
    own: Sequence[Arrival],
    others: Sequence[Arrival] = (),
    *,
    running: bool,
    filtered: bool = False,
) -> Matched:
    """Matches lines with records: those of the same time and text first, then by time alone.

    `own` records are surely this container's, `others` may be: they match by time and text together. `running`: the
    container goes on printing, so records from its last line on may stand for lines that were not read. `filtered`:
    filters of the user's may have changed a record's time: then the text alone is enough.
    """
    result = Matched()
    exact: defaultdict[tuple[str, str | None], list[Arrival]] = defaultdict(list)
    for record in (*reversed(others), *reversed(own)):  # own ones are taken first
        exact[record.time, record.text].append(record)
    unmatched: list[int] = []
    for place, (time, text) in enumerate(lines):
        if exact.get((time, text)):
            result.arrived[place] = exact[time, text].pop()
        else:
            unmatched.append(place)
    used = Counter(map(id, result.arrived.values()))
    left = [record for record in own if not used[id(record)]]
    unmatched, left = _by(result, lines, unmatched, left, time=True)
    if filtered:
        unmatched, left = _by(result, lines, unmatched, left, time=False)
    if lines:
        first, last = lines[0][0], lines[-1][0]
        result.added = sum(first <= record.time and (not running or record.time < last) for record in left)
    return result


def _by(
    result: Matched, lines: Sequence[Line], unmatched: list[int], left: list[Arrival], *, time: bool
) -> tuple[list[int], list[Arrival]]:
    """Matches by time alone, or by text alone; returns what is still unmatched, and the records that are left."""
    found: defaultdict[str | None, list[Arrival]] = defaultdict(list)
    for record in reversed(left):
        found[record.time if time else record.text].append(record)
    rest: list[int] = []
    for place in unmatched:
        candidates = found.get(lines[place][0 if time else 1])
        if candidates:
            result.arrived[place] = candidates.pop()
            result.changed += 1
        else:
            rest.append(place)
    return rest, [record for records in found.values() for record in records]
