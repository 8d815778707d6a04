"""What commands in containers and jobs answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobResult:
    """A job that has ended. `lines` is what its containers printed, in the order it came."""

    exit_code: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A command that has ended inside a container."""

    exit_code: int
    stdout: str
    stderr: str
