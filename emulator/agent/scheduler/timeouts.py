"""How long the agent waits for what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long the supervisor waits for what, in seconds."""

    look: float = 30.0
    """Between two looks at the listing when no event comes: a stuck container sends none."""
    grace: float = 20.0
    """For the command that made the agent to take charge, before the agent acts by itself."""
    healthy_life: float = 60.0
    """A task that lived this long was no failed start: its replacement is not delayed."""
    longest_delay: float = 60.0
    """Between two tasks of a service that die young."""
    longest_trouble: float = 30.0
    """Between two tries of what fails, such as a Docker daemon that does not answer."""
    first_trouble: float = 1.0
    reconnect: float = 1.0
    """After an event stream that ended."""
    first_moments: float = 1.0
    """For which a new task that nothing judges has to run, before the one that it replaces stops."""
    settle: float = 5.0
    """For which such a task has to run until its deployment has succeeded."""
    linger: float = 10.0
    """That the task of a job stays after its end, so that its lines are seen."""


USUAL = Timeouts()
