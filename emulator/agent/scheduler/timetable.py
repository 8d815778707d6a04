"""When the Scheduled Jobs of an environment are due: the rules of EventBridge, by a clock that a test can set.

EventBridge starts a run whether or not the last one has ended, and makes up for none that was missed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from emulator.ecs.schedule_times import next_time
from emulator.errors import CopilotLocalError
from emulator.runtime.state.desired import DesiredService, DesiredState

log = logging.getLogger(__name__)

LATE = timedelta(seconds=60)
"""A run that could not begin within this, because the machine slept, is left out."""


def now_in_utc() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Rule:
    expression: str
    made: datetime


class Timetable:
    """Which jobs are due. `clock` gives the time in UTC. Not thread-safe: the supervisor's lock is held."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._offset = timedelta()
        self._rules: dict[str, _Rule] = {}
        self._next: dict[str, datetime] = {}
        self._due: list[str] = []

    @property
    def now(self) -> datetime:
        """What the clock of the schedules says."""
        return self._clock() + self._offset

    def set_clock(self, to: datetime) -> None:
        """Moves the clock. A job that would have been due on the way is due now, once."""
        now = self.now
        passed = [name for name, at in self._next.items() if now < at <= to]
        self._offset += to - now
        self._due += [name for name in passed if name not in self._due]
        self._next = {}
        self._plan(to)

    def due(self, state: DesiredState) -> list[str]:
        """The jobs to start now; each is named once for each time that it is due."""
        now = self.now
        self._take(state, now)
        late = [name for name, at in self._next.items() if now - at > LATE]
        for name in late:
            log.warning("%s: its run of %s is left out: the machine slept", name, self._next[name].isoformat())
        due = [*self._due, *(name for name, at in self._next.items() if at <= now and name not in late)]
        self._due = []
        for name in {*due, *late}:
            self._next.pop(name, None)
        self._plan(now)
        return [name for name in due if name in self._rules]

    def next_times(self, state: DesiredState) -> Mapping[str, datetime]:
        """When each job runs next; those that do not run on a schedule here, or never again, are not in it."""
        self._take(state, self.now)
        return dict(self._next)

    def seconds_to_next(self) -> float | None:
        """How long until a job is due; None where none is."""
        if self._due:
            return 0.0
        return min(((at - self.now).total_seconds() for at in self._next.values()), default=None)

    def _take(self, state: DesiredState, now: datetime) -> None:
        rules = {name: rule for name, desired in state.services.items() if (rule := _rule(desired)) is not None}
        if rules == self._rules:
            return
        self._next = {name: at for name, at in self._next.items() if rules.get(name) == self._rules.get(name)}
        self._rules = rules
        self._plan(now)

    def _plan(self, now: datetime) -> None:
        for name, rule in self._rules.items():
            if name in self._next:
                continue
            try:
                at = next_time(rule.expression, now, rule.made)
            except CopilotLocalError as error:
                log.warning("%s: %s", name, error)
                continue
            if at is not None:
                self._next[name] = at


def _rule(desired: DesiredService) -> _Rule | None:
    schedule = desired.service.schedule
    if schedule is None or not schedule.enabled or not desired.schedule_made:
        return None
    return _Rule(schedule.expression, datetime.fromisoformat(desired.schedule_made))
