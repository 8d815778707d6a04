"""What is said of a container that failed: its code, its last lines, and what of them explains it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from emulator.engine.interface import Engine
from emulator.errors import ContainerFailed, CopilotLocalError
from emulator.firelens.diagnose import Problem, explained
from emulator.runtime.health.last_words import has_started, lost_its_reason, say_again
from emulator.runtime.health.router_chatter import telling
from emulator.runtime.state import names
from emulator.runtime.state.names import Role
from emulator.runtime.state.observed import Member

LAST_LINES = 15
READ_LINES = 300
"""Of these a log router's reason is found; its banner and info lines are not shown where it said anything else."""


def container_failed(engine: Engine, member: Member, why: str) -> ContainerFailed:
    """The error for a container that exited, with its code and last lines."""
    code = member.container.exit_code
    ended = "could not start" if code is None else f"exited with code {code}"
    said = last_lines(engine, member.container.name, READ_LINES)
    problems = _problems(member, said)
    unclear = member.role == Role.ROUTER and not explained(problems) and not has_started(engine, member.container.id)
    if unclear and lost_its_reason(said, code):
        said = say_again(engine, member.container.name, lambda lines: explained(_problems(member, lines))) or said
        problems = _problems(member, said)
    lines = (telling(said) if member.role == Role.ROUTER else said)[-LAST_LINES:]
    if problems:
        said_why = problems[0].message
        why = f"{why}: {said_why.removeprefix('the log router: ')}" if problems[0].general else said_why
    failed = ContainerFailed(
        f"container {member.name} {ended}: {why}",
        container=member.name,
        container_exit_code=code,
        output=lines,
        hint=""
        if lines
        else f"{member.name} printed nothing; try its command by hand: docker run -it {member.container.image} sh",
    )
    failed.position = problems[0].position if problems else None
    return failed


def last_lines(engine: Engine, container: str, number: int) -> list[str]:
    """What a container printed last; nothing where that cannot be read."""
    with contextlib.suppress(CopilotLocalError):
        return [line.text for line in engine.logs(container, tail=number)]
    return []


def _problems(member: Member, said: Sequence[str]) -> list[Problem]:
    """What a log router ended over."""
    from emulator.runtime.specs.log_router import router_problems

    return [p for p in router_problems(member.container.labels.get(names.LOG_OUTPUTS, ""), said) if p.fatal]
