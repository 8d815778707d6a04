"""When things happened to containers: Docker's listing tells the state they are in, its events since when."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from emulator.engine.interface import EngineEvent


@dataclass(slots=True)
class _Moments:
    started: datetime | None = None
    finished: datetime | None = None
    health_changed: datetime | None = None
    starts: int = 0


class Moments:
    """Collects events. Knows nothing of what happened before this process: then an answer is None."""

    def __init__(self) -> None:
        self._containers: dict[str, _Moments] = {}
        self._lock = threading.Lock()

    def note(self, event: EngineEvent) -> None:
        """Something happened to a container."""
        with self._lock:
            if event.action == "destroy":
                self._containers.pop(event.container_id, None)
                return
            found = self._containers.setdefault(event.container_id, _Moments())
            if event.action == "start":
                found.started, found.finished, found.health_changed = event.time, None, None
                found.starts += 1
            elif event.action == "die":
                found.finished = event.time
            elif event.action.startswith("health_status"):
                found.health_changed = event.time

    def started(self, container_id: str) -> datetime | None:
        """The last start."""
        return self._of(container_id).started

    def finished(self, container_id: str) -> datetime | None:
        """The end, where it has not been started again since."""
        return self._of(container_id).finished

    def health_changed(self, container_id: str) -> datetime | None:
        """Since when its health check gives the verdict that it gives."""
        return self._of(container_id).health_changed

    def restarts(self, container_id: str) -> int:
        """How often it was started again."""
        return max(0, self._of(container_id).starts - 1)

    def _of(self, container_id: str) -> _Moments:
        with self._lock:
            return self._containers.get(container_id, _Moments())
