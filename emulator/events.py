"""What happens while a command runs, as one stream of events that `display` renders and tests read."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field


class EventKind(enum.StrEnum):
    """What an event is about."""

    STEP_STARTED = "step-started"  # an operation of a plan, a build, a pull
    STEP_DONE = "step-done"
    STEP_FAILED = "step-failed"
    PROGRESS = "progress"  # within a step: a build line, bytes pulled
    LOG = "log"  # a line that a container printed
    STATE = "state"  # a container, task or target changed its state
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `subject` is what it is about (a container, an image, a file); `fields` is machine-readable detail."""

    kind: EventKind
    subject: str
    message: str = ""
    fields: dict[str, str | int | float | bool] = field(default_factory=dict)


Emit = Callable[[Event], None]
"""Where events go. Must be callable from several threads."""


def discard(event: Event) -> None:
    """An `Emit` for callers that do not care."""
    del event
