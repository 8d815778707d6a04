"""What containers have printed, as `logs` asks for it: the agent reads it from Docker, and sends many lines at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from emulator.engine.interface import Engine, LogLine
from emulator.runtime.control.http import Message
from emulator.runtime.health.router_chatter import is_chatter
from emulator.runtime.reports.logs import every_line, members_of, print_so_far
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Member, observe

AT_ONCE = 256


def printed_lines(
    engine: Engine, environment: Names, services: Sequence[str], tail: int | None, *, router: bool
) -> Iterator[Message]:
    """First the containers of these services (none: all), then what they printed, oldest first.

    `tail`: only the last lines of each. `router`: with a log router's banner and info lines.
    """
    observed = observe(engine, environment)
    members = members_of(observed, services)
    keys = [(found.service, found.task_id, found.member.name) for found in members]
    yield {
        "printed": {
            "app": environment.app,
            "environment": environment.environment,
            "services": sorted({task.service for task in observed.tasks.values()}),
            "containers": [list(key) for key in keys],
        }
    }
    index = {key: number for number, key in enumerate(keys)}
    routed = any(found.member.role == Role.ROUTER for found in members)
    lines = print_so_far(engine, members, tail, _telling if routed and not router else every_line)
    rows = (
        [
            index[it.service, it.task_id, it.container],
            it.line.stream,
            it.line.timestamp.isoformat() if it.line.timestamp is not None else None,
            it.line.text,
        ]
        for it in lines
    )
    while some := list(islice(rows, AT_ONCE)):
        yield {"lines": some}


def _telling(member: Member, line: LogLine) -> bool:
    return not (member.role == Role.ROUTER and is_chatter(line.text))
