"""What the lines of a container are prefixed with."""

from __future__ import annotations

import threading
from collections.abc import Iterable

SHORT = 8
"""Characters of a task id, as `ps` shows it."""


class LogSubjects:
    """Names containers so that no two have one name: `container`, `service/container` where several services run, and
    with the task's short id before the container where several tasks of its service run or have run.

    `several`: names of services of which several tasks are known to come. May be used from any thread.
    """

    def __init__(self, *, one_service: bool, several: Iterable[str] = ()) -> None:
        self._one_service = one_service
        self._several = set(several)
        self._tasks: dict[str, str] = {}
        """Service to the first task of it."""
        self._lock = threading.Lock()

    def add(self, service: str, task_id: str) -> None:
        """A task whose lines are to come."""
        with self._lock:
            if self._tasks.setdefault(service, task_id) != task_id:
                self._several.add(service)

    def subject(self, service: str, task_id: str, container: str) -> str:
        """What a line of that container is prefixed with now."""
        self.add(service, task_id)
        with self._lock:
            task = [task_id[:SHORT]] if service in self._several else []
        return "/".join([*([] if self._one_service else [service]), *task, container])
