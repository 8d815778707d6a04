"""What containers printed against what came out behind their log router, line by line, at each destination.

What went in is Docker's own copy of a container's output, which it keeps beside every log driver. A line and its
record have the same time, to the microsecond that the copy is read with. The lines are read first: a record of each is
waited for, so nothing counts as missing that is under way.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from emulator.ecs.task_definition import TaskDefinition
from emulator.engine.interface import Engine
from emulator.errors import NotFound
from emulator.firelens.ecs_config import EXCLUDE_PATTERN_OPTION, INCLUDE_PATTERN_OPTION
from emulator.runtime.reports.line_matching import Arrival, Line, Matched, match_lines
from emulator.runtime.reports.records import routed_records
from emulator.runtime.specs.log_destinations import DRAINED, Destination, Owners, destination_of, destinations_of
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Member, Observed, Task, observe

PAUSED = "paused (mem buf overlimit)"
"""What Fluent Bit says when an input's memory limit is reached; what comes then is lost."""
INCLUDE, EXCLUDE = "not matched by include-pattern", "matched by exclude-pattern"
STORED = "stored unfiltered: the log router had stopped"
ELSEWHERE = "went to another destination"
NOT_COUNTED = "cannot be counted here"
UNDER_WAY, LOST = "under way", "lost"
LEEWAY = 5.0
"""Seconds beyond two flushes of the router after which a record does not come any more."""
MOST = 30.0
"""Seconds that are waited for at most; what is then on its way is said to be."""
POLL = 0.3
_FLUSH = re.compile(r"(?mi)^\s*flush\s+([0-9]+(?:\.[0-9]+)?)\s*$")
_ECS_FLUSH = 5.0


@dataclass(slots=True)
class Comparison:
    """One container of one task at one destination of its log router."""

    service: str
    task_id: str
    container: str
    lines_in: int
    records_out: int
    changed: int = 0
    """Records whose `log` is not the line any more, or that have none."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Lines without a record, by the reason; those without any reason are lost."""
    added: int = 0
    """Records that no line stands for, copies too."""
    lost: int = 0
    cause: str = ""
    """Why lines are lost, or what may drop them; empty where none are."""
    under_way: int = 0
    """Lines that the router has not delivered yet, while it delivers others."""
    destination: str = ""
    plugin: str = ""
    countable: bool = True
    """Whether what arrives at this destination can be read from here."""

    def __str__(self) -> str:
        if not self.countable:
            return f"{self.lines_in} lines in; what arrives {NOT_COUNTED}"
        parts = [f"{self.lines_in} lines in, {self.records_out} records out"]
        parts += [f"{count} dropped: {reason}" for reason, count in self.dropped.items() if reason in _PATTERNS]
        parts += [f"{count} {reason}" for reason, count in self.dropped.items() if reason not in _PATTERNS]
        if self.changed:
            parts.append(f"{self.changed} changed by filters")
        if self.added:
            parts.append(f"{self.added} records more than lines")
        if self.under_way:
            parts.append(f"{self.under_way} under way")
        if self.lost:
            parts.append(f"{self.lost} missing: {self.cause}")
        return "; ".join(parts)


_PATTERNS = (INCLUDE, EXCLUDE)
_Key = tuple[str, str]
"""Task id and container."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What one container had printed at one moment."""

    task: Task
    member: Member
    lines: tuple[Line, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    """Its log options."""
    filters: tuple[str, ...] = ()
    """The filters of the user's own file."""

    @property
    def tag(self) -> str:
        return f"{self.member.name}-firelens-{self.task.id}"


def compare_logs(
    engine: Engine,
    environment: Names,
    definitions: Mapping[str, TaskDefinition],
    services: Sequence[str],
    *,
    fidelity: str,
    own_filters: Mapping[str, Sequence[str]],
) -> list[Comparison]:
    """Every container that logs through a router, at each destination. `own_filters`: service to the filters of its own
    file.

    Raises `InputError` where no environment runs.
    """
    observed = observe(engine, environment)
    printed = printed_of(engine, observed, definitions, services, own_filters)

    def look() -> list[Comparison]:
        arrivals = Arrivals(observed, routed_records(engine, environment, (), follow=False, join=True))
        return [one for container in printed for one in compare(container, arrivals, pending)]

    pending = Pending(max((flush_of(engine, one.task, fidelity) for one in printed), default=1.0))
    found = pending.settle(look)
    causes = {one.task.id: _cause(engine, one.task, fidelity, one.filters) for one in printed}
    for comparison in found:
        if comparison.lost:
            comparison.cause = causes[comparison.task_id]
    return found


def printed_of(
    engine: Engine,
    observed: Observed,
    definitions: Mapping[str, TaskDefinition],
    services: Sequence[str],
    own_filters: Mapping[str, Sequence[str]],
    tail: int | None = None,
) -> list[Printed]:
    """What containers that log through a router have printed; `tail`: only that many of the last lines of each."""
    return [
        Printed(
            task,
            member,
            _lines(engine, member, tail),
            _options(definitions[task.service], member),
            tuple(own_filters.get(task.service, ())),
        )
        for task in observed.tasks.values()
        if task.service in definitions and not (services and task.service not in services)
        for member in task.members.values()
        if member.logs_to_router and member.started
    ]


class Pending:
    """Which lines may still be under way: a record takes up to two flushes of the router, and somewhat more."""

    def __init__(self, flush: float, now: datetime | None = None) -> None:
        self._span = 2 * flush + LEEWAY
        self._overtaken = timedelta(seconds=2 * flush + 1)
        self._since = _moment((now or datetime.now(UTC)) - timedelta(seconds=self._span))
        self.over = False
        """The time is over: what is missing is lost."""

    def may_come(self, printed_at: str, newest: str) -> bool:
        """Whether the record of a line may still come; `newest`: the time of the last one of its container.

        Records of one container come in their order, but for what filters send out again a flush later.
        """
        if self.over or printed_at < self._since:
            return False
        return not newest or datetime.fromisoformat(newest) - datetime.fromisoformat(printed_at) < self._overtaken

    def settle(self, look: Callable[[], list[Comparison]]) -> list[Comparison]:
        """Looks until nothing is under way any more, or nothing comes any more."""
        end = time.monotonic() + MOST
        found = look()
        under_way, since = sum(one.under_way for one in found), time.monotonic()
        while under_way and time.monotonic() < end:
            time.sleep(POLL)
            found = look()
            left = sum(one.under_way for one in found)
            if left < under_way:
                since = time.monotonic()
            elif time.monotonic() - since > self._span:
                self.over = True
                return look()
            under_way = left
        return found


class Arrivals:
    """The records by whose they are and where they went."""

    def __init__(self, observed: Observed, records: Iterable[Mapping[str, Any]], *, whole: bool = False) -> None:
        """`whole`: keep each record beside what is compared of it."""
        owners = Owners(observed)
        outputs = {task.id: destinations_of(task) for task in observed.tasks.values()}
        every = [one for some in outputs.values() for one in some]
        self._own: defaultdict[_Key, defaultdict[Destination, list[Arrival]]] = defaultdict(lambda: defaultdict(list))
        for record in records:
            owner = owners.owner(record)
            if owner is None:
                continue
            text = record["record"].get("log")
            moment = _moment(datetime.fromisoformat(str(record["time"])))
            kept = record["record"] if whole else None
            arrival = Arrival(moment, text if isinstance(text, str) else None, str(record["tag"]), kept)
            where = destination_of(record, outputs.get(owner[0], every))
            self._own[owner][where].append(arrival)

    def at(self, task_id: str, container: str) -> dict[Destination, tuple[list[Arrival], list[Arrival]]]:
        """By destination, the records that are this container's, and those that may be."""
        own, of_task, unknown = self._own[task_id, container], self._own[task_id, ""], self._own["", ""]
        names = dict.fromkeys((*own, *of_task, *unknown))
        return {one: (own.get(one, []), [*of_task.get(one, ()), *unknown.get(one, ())]) for one in names}


def compare(printed: Printed, arrivals: Arrivals, pending: Pending) -> list[Comparison]:
    """One container at each destination that its records go to, or went to."""
    result = []
    for found in delivered(printed, arrivals, pending):
        where, matched = found.where, found.matched
        one = Comparison(
            printed.task.service, printed.task.id, printed.member.name, len(printed.lines), matched.records
        )
        one.destination, one.plugin, one.countable = where.name, where.plugin, where.countable
        one.changed, one.added = matched.changed, matched.added
        for reason in found.missing.values():
            if reason == UNDER_WAY:
                one.under_way += 1
            elif reason == LOST:
                one.lost += 1
            else:
                one.dropped[reason] += 1
        result.append(one)
    return result


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one container's lines at one destination. `missing`: by a line's place, why it has no record
    there: a reason that is known, `UNDER_WAY` or `LOST`."""

    where: Destination
    matched: Matched
    missing: Mapping[int, str]


def delivered(printed: Printed, arrivals: Arrivals, pending: Pending) -> list[Delivered]:
    """One container's lines at each destination that its records go to, or went to."""
    task, member = printed.task, printed.member
    there = arrivals.at(task.id, member.name)
    outputs = destinations_of(task)
    matched = {
        where: match_lines(printed.lines, own, others, running=member.running, filtered=bool(printed.filters))
        for where, (own, others) in there.items()
    }
    drained = next((found for where, found in matched.items() if where.name == DRAINED), Matched())
    direct = [one for one in outputs if one.takes(printed.tag)]
    used = [one for one, found in matched.items() if found.records and one.name != DRAINED and one not in direct]
    if not direct and not used:
        direct = [Destination("", "", "capture")]
    rewritten = {
        place
        for where, found in matched.items()
        if where.name != DRAINED
        for place, record in found.arrived.items()
        if where in used or (where.policy == "capture" and record.tag != printed.tag)
    }
    result = []
    for where in (*direct, *used):
        found = matched.get(where, Matched())
        newest = max((record.time for record in there.get(where, ((), ()))[0]), default="")
        missing: dict[int, str] = {}
        for place, (moment, text) in enumerate(printed.lines):
            if place in found.arrived or not where.countable:
                continue
            if reason := _pattern(printed.options, text):
                missing[place] = reason
            elif place in drained.arrived:
                missing[place] = STORED
            elif place in rewritten or where in used:
                missing[place] = ELSEWHERE
            else:
                missing[place] = UNDER_WAY if pending.may_come(moment, newest) else LOST
        result.append(Delivered(where, found, missing))
    return result


def _lines(engine: Engine, member: Member, tail: int | None) -> tuple[Line, ...]:
    lines = engine.logs(member.container.name, tail=tail)
    return tuple((_moment(line.timestamp) if line.timestamp else "", line.text) for line in lines)


def _pattern(options: Mapping[str, Any], text: str) -> str | None:
    """Which of the container's own patterns drops a line."""
    include, exclude = options.get(INCLUDE_PATTERN_OPTION), options.get(EXCLUDE_PATTERN_OPTION)
    try:
        if isinstance(include, str) and not re.search(include, text):
            return INCLUDE
        if isinstance(exclude, str) and re.search(exclude, text):
            return EXCLUDE
    except re.error:
        return None  # Onigmo's patterns are not all Python's
    return None


def _options(definition: TaskDefinition, member: Member) -> Mapping[str, Any]:
    found = (one.log_configuration for one in definition.container_definitions if one.name == member.name)
    configuration = next(found, None)
    return configuration.options if configuration else {}


def flush_of(engine: Engine, task: Task, fidelity: str) -> float:
    """Seconds between two flushes of a task's router."""
    usual = _ECS_FLUSH if fidelity == "ecs" else 1.0
    if task.router is None:
        return usual
    main = _text(engine, task.router, "/fluent-bit/etc/fluent-bit.conf")
    every = (main, *(_text(engine, task.router, path) for path in re.findall(r"(?m)^@INCLUDE (/\S+)$", main)))
    found = next((match for text in every if (match := _FLUSH.search(text))), None)
    return float(found[1]) if found else usual


def _text(engine: Engine, router: Member, path: str) -> str:
    try:
        return engine.read_file(router.container.name, path).decode(errors="replace")
    except NotFound:
        return ""


def _cause(engine: Engine, task: Task, fidelity: str, own_filters: Sequence[str]) -> str:
    """Why lines of a task may be missing."""
    causes = []
    router = task.router
    if router is not None:
        printed = [line.text for line in engine.logs(router.container.name)]
        pauses = sum(PAUSED in line for line in printed)
        errors = [line.partition("[error] ")[2] for line in printed if "[error] [output:" in line]
        if errors:
            causes.append(f"what the router failed to deliver: {errors[-1]}")
        if pauses:
            causes.append(f"the router's buffer limit (it paused its input {pauses} times)")
    if own_filters:
        causes.append(f"filters of your configuration ({', '.join(own_filters)})")
    if fidelity == "ecs" and not causes:
        causes.append("the log driver's asynchronous mode, which drops what is queued when a container exits")
    return " or ".join(causes) or "not delivered yet, or lost"


def _moment(moment: datetime) -> str:
    """A time to the millisecond, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
