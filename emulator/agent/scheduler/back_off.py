"""Holds back services whose tasks die young, as the ECS service scheduler throttles them."""

from __future__ import annotations

from collections.abc import Iterable


class BackOff:
    """Births and early deaths of tasks. Times are seconds on the caller's clock."""

    def __init__(self, healthy_life: float, longest_delay: float) -> None:
        self._healthy_life = healthy_life
        self._longest_delay = longest_delay
        self._births: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._last_death: dict[str, float] = {}
        self._not_before: dict[str, float] = {}

    def born(self, tasks: Iterable[str], now: float) -> None:
        """These tasks are started now."""
        self._births.update(dict.fromkeys(tasks, now))

    def died(self, service: str, task_id: str, now: float) -> bool:
        """A task stops. One that died young delays the next of its service, from the second in a row on: 1 s, 2 s,
        4 s, … Returns whether the service is held back because of it."""
        born = self._births.pop(task_id, None)
        if born is None:
            return False  # told before, or not ours
        if now - born > self._healthy_life:
            self._failures.pop(service, None)
            return False
        self._last_death[service] = now
        failures = self._failures[service] = self._failures.get(service, 0) + 1
        if failures < 2:
            return False
        self._not_before[service] = now + min(2.0 ** (failures - 2), self._longest_delay)
        return True

    def forgive(self, services: Iterable[str]) -> None:
        """A new deployment of these services starts afresh."""
        for service in services:
            self._failures.pop(service, None)
            self._not_before.pop(service, None)

    def failures(self, service: str, now: float) -> int:
        """How many tasks of a service died young in a row; none once nothing died for as long as a healthy life."""
        last = max(self._last_death.get(service, 0.0), self._not_before.get(service, 0.0))
        return self._failures.get(service, 0) if now - last <= self._healthy_life else 0

    def held_back(self, now: float) -> list[str]:
        """The services that get no new task yet."""
        return [service for service, at in self._not_before.items() if at > now]

    def next_release(self, now: float) -> list[float]:
        """Seconds until each service that is held back gets a new task."""
        return [at - now for at in self._not_before.values() if at > now]
