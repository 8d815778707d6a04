"""One reason why ECS does not take a task definition."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`keys` lead to the place in the task definition's JSON. `timing`: a time outside of what ECS takes."""

    message: str
    keys: tuple[str | int, ...] = ()
    hint: str = ""
    timing: bool = False
