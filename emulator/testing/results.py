"""What commands in containers answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A command that has ended inside a container."""

    exit_code: int
    stdout: str
    stderr: str
