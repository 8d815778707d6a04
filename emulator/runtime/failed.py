"""What is said of a container that failed: its code, its last lines, and what of them explains it."""

from __future__ import annotations

from emulator.engine.interface import Engine
from emulator.errors import ContainerFailed, CopilotLocalError
from emulator.runtime import names
from emulator.runtime.firelens import router_problems
from emulator.runtime.names import Role
from emulator.runtime.observed import Member
from emulator.runtime.router_chatter import telling

LAST_LINES = 15
LAST_LINES_OF_ROUTER = 100
"""Among them the banner and info lines, which are not shown where it said anything else."""


def container_failed(engine: Engine, member: Member, why: str) -> ContainerFailed:
    """The error for a container that exited, with its code and last lines."""
    code = member.container.exit_code
    ended = "could not start" if code is None else f"exited with code {code}"
    try:
        tail = LAST_LINES_OF_ROUTER if member.role == Role.ROUTER else LAST_LINES
        lines = [line.text for line in engine.logs(member.container.name, tail=tail)]
        lines = (telling(lines) if member.role == Role.ROUTER else lines)[-LAST_LINES:]
    except CopilotLocalError:
        lines = []
    problems = [p for p in router_problems(member.container.labels.get(names.LOG_OUTPUTS, ""), lines) if p.fatal]
    if problems:
        why = problems[0].message
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
