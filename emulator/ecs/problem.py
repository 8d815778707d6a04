"""One reason why ECS does not take a task definition."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class RefusedBy(Enum):
    """Who does not take it. What registration refuses does not run either."""

    ECS = auto()
    """RegisterTaskDefinition, for every launch type."""
    FARGATE = auto()
    """RegisterTaskDefinition, where a task definition requires FARGATE."""
    LATER = auto()
    """What makes a service of it or runs it. It can be registered, as far as is known."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`keys` lead to the place in the task definition's JSON. `timing`: a time outside of what ECS takes. `words` are
    ECS's own, where they are known."""

    message: str
    keys: tuple[str | int, ...] = ()
    hint: str = ""
    timing: bool = False
    by: RefusedBy = RefusedBy.FARGATE
    words: str = ""
