"""What a service's events say: `events` of DescribeServices. Source: the ECS developer guide, "Amazon ECS service event
messages"."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

KEPT_EVENTS = 100
"""Of a service, as DescribeServices has them."""


class ServiceMessages:
    """The events of every service, and which tasks they have told of. Not thread-safe."""

    def __init__(self) -> None:
        self._events: dict[str, list[dict[str, Any]]] = {}
        self._tasks: dict[str, set[str]] = {}
        self._unhealthy: dict[str, int] = {}
        """By service, how many unhealthy tasks have stopped whose replacements have not been told of."""

    def of(self, service: str) -> list[dict[str, Any]]:
        """The events of a service, the newest first."""
        return list(self._events.get(service, []))

    def forget(self, service: str) -> None:
        """A service is not wanted any more."""
        for known in (self._events, self._tasks, self._unhealthy):
            known.pop(service, None)

    def say(self, service: str, message: str) -> None:
        """Adds an event."""
        event = {
            "id": str(uuid.uuid4()),
            "createdAt": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "message": f"(service {service}) {message}",
        }
        self._events[service] = [event, *self._events.get(service, [])][:KEPT_EVENTS]

    def unhealthy(self, service: str, message: str) -> None:
        """A task of a service is unhealthy, and is replaced."""
        self.say(service, message)
        self._unhealthy[service] = self._unhealthy.get(service, 0) + 1

    def tasks(self, service: str, present: set[str]) -> None:
        """These are the ids of a service's tasks now."""
        known = self._tasks.get(service, set())
        if started := present - known:
            replaced = min(self._unhealthy.pop(service, 0), len(started))
            more = f" Amazon ECS replaced {replaced} tasks due to an unhealthy status." if replaced else ""
            self.say(service, f"has started {len(started)} tasks: {_named(started)}.{more}")
        if stopped := known - present:
            self.say(service, f"has stopped {len(stopped)} running tasks: {_named(stopped)}.")
        self._tasks[service] = present


def _named(tasks: set[str]) -> str:
    return " ".join(f"(task {task})" for task in sorted(tasks))
