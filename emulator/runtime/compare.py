"""What containers printed against what came out behind their log router, line by line.

What went in is Docker's own copy of a container's output, which it keeps beside every log driver. A line and its
record have the same time, to the microsecond that the copy is read with.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from emulator.ecs.task_definition import TaskDefinition
from emulator.engine.interface import Engine, LogLine
from emulator.firelens.ecs_config import EXCLUDE_PATTERN_OPTION, INCLUDE_PATTERN_OPTION
from emulator.runtime.names import Names
from emulator.runtime.observed import Member, Task, observe
from emulator.runtime.records import routed_records

PAUSED = "paused (mem buf overlimit)"
"""What Fluent Bit says when an input's memory limit is reached; what comes then is lost."""
INCLUDE, EXCLUDE = "not matched by include-pattern", "matched by exclude-pattern"


@dataclass(slots=True)
class Comparison:
    """One container of one task."""

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

    def __str__(self) -> str:
        parts = [f"{self.lines_in} lines in, {self.records_out} records out"]
        parts += [f"{count} dropped: {reason}" for reason, count in self.dropped.items()]
        if self.changed:
            parts.append(f"{self.changed} changed by filters")
        if self.added:
            parts.append(f"{self.added} records more than lines")
        if self.lost:
            parts.append(f"{self.lost} missing: {self.cause}")
        return "; ".join(parts)


def compare_logs(
    engine: Engine,
    environment: Names,
    definitions: Mapping[str, TaskDefinition],
    services: Sequence[str],
    *,
    fidelity: str,
    own_filters: Mapping[str, Sequence[str]],
) -> list[Comparison]:
    """Every running container that logs through a router. `own_filters`: service to the filters of its own file.

    Raises `InputError` where no environment runs.
    """
    records: dict[tuple[str, str], list[tuple[str, str | None]]] = defaultdict(list)
    for record in routed_records(engine, environment, services, follow=False):
        container, _, task_id = str(record["tag"]).rpartition("/")[2].partition("-firelens-")
        text = record["record"].get("log")
        records[task_id, container].append((_moment(str(record["time"])), text if isinstance(text, str) else None))
    found = []
    for task in observe(engine, environment).tasks.values():
        if task.service not in definitions or (services and task.service not in services):
            continue
        for member in task.members.values():
            if member.logs_to_router and member.started:
                lines = list(engine.logs(member.container.name))
                cause = _cause(engine, task, fidelity, own_filters.get(task.service, ()))
                options = _options(definitions[task.service], member)
                found.append(compare(task, member, lines, records[task.id, member.name], options, cause))
    return found


def compare(
    task: Task,
    member: Member,
    lines: Iterable[LogLine],
    records: Sequence[tuple[str, str | None]],
    options: Mapping[str, Any],
    cause: str,
) -> Comparison:
    """Matches lines with records `(time in milliseconds, log)`: those with the same text first, then by time alone."""
    printed = [(_moment(line.timestamp.isoformat()) if line.timestamp else "", line.text) for line in lines]
    result = Comparison(task.service, task.id, member.name, len(printed), len(records))
    left = Counter(records)
    unmatched: list[tuple[str, str]] = []
    for line in printed:
        if left[line] > 0:
            left[line] -= 1
        else:
            unmatched.append(line)
    times: Counter[str] = Counter()
    for (moment, _), count in left.items():
        times[moment] += count
    for moment, text in unmatched:
        if times[moment] > 0:
            times[moment] -= 1
            result.changed += 1
        elif (reason := _pattern(options, text)) is not None:
            result.dropped[reason] += 1
        else:
            result.lost += 1
    result.added = sum(times.values())
    result.cause = cause if result.lost else ""
    return result


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
    configuration = definition.container(member.name).log_configuration
    return configuration.options if configuration else {}


def _cause(engine: Engine, task: Task, fidelity: str, own_filters: Sequence[str]) -> str:
    """Why lines of a task may be missing."""
    causes = []
    router = task.router
    if router is not None:
        pauses = sum(PAUSED in line.text for line in engine.logs(router.container.name))
        if pauses:
            causes.append(f"the router's buffer limit (it paused its input {pauses} times)")
    if own_filters:
        causes.append(f"filters of your configuration ({', '.join(own_filters)})")
    if fidelity == "ecs" and not causes:
        causes.append("the log driver's asynchronous mode, which drops what is queued when a container exits")
    return " or ".join(causes) or "not delivered yet, or lost"


def _moment(text: str) -> str:
    """A time to the millisecond, in UTC."""
    moment = datetime.fromisoformat(text)
    return moment.isoformat(timespec="milliseconds")
