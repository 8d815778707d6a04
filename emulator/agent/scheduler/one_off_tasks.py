"""Tasks that commands run by themselves: the agent answers their requests, and otherwise leaves them alone."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from emulator.runtime.state.desired import DesiredService, Private
from emulator.runtime.state.task_role import TaskRole


class OneOffs:
    """What such tasks are made from and which credentials they are offered, as long as their commands are there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._present: dict[int, tuple[DesiredService, Private]] = {}
        self._count = 0

    def __bool__(self) -> bool:
        with self._lock:
            return bool(self._present)

    @contextlib.contextmanager
    def attending(self, desired: DesiredService, private: Private) -> Iterator[None]:
        """Within this block a task of that service is known."""
        with self._lock:
            self._count += 1
            key = self._count
            self._present[key] = (desired, private)
        try:
            yield
        finally:
            with self._lock:
                del self._present[key]

    def services(self) -> tuple[DesiredService, ...]:
        """What the tasks are made from."""
        with self._lock:
            return tuple(desired for desired, _ in self._present.values())

    def with_roles(self, private: Private) -> dict[str, TaskRole]:
        """Service to the source of its credentials: those of `private`, and those of these tasks."""
        with self._lock:
            roles = dict(private.task_roles)
            for _, own in self._present.values():
                roles |= own.task_roles
            return roles
