"""When things happened to containers: Docker's listing tells the state they are in, its events since when."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from emulator.engine.interface import EngineEvent


@dataclass(slots=True)
class ContainerMoments:
    """Of one container."""

    started: datetime | None = None
    """The last start."""
    finished: datetime | None = None
    """The end, where it has not been started again since."""
    health_changed: datetime | None = None
    """Since when its health check gives the verdict that it gives."""
    starts: int = 0

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return max(0, self.starts - 1)


class Moments:
    """Collects events. Knows nothing of what happened before this process: then a moment is None."""

    def __init__(self) -> None:
        self._containers: dict[str, ContainerMoments] = {}
        self._lock = threading.Lock()

    def note(self, event: EngineEvent) -> None:
        """Something happened to a container."""
        with self._lock:
            if event.action == "destroy":
                self._containers.pop(event.container_id, None)
                return
            found = self._containers.setdefault(event.container_id, ContainerMoments())
            if event.action == "start":
                found.started, found.finished, found.health_changed = event.time, None, None
                found.starts += 1
            elif event.action == "die":
                found.finished = event.time
            elif event.action.startswith("health_status"):
                found.health_changed = event.time

    def of(self, container_id: str) -> ContainerMoments:
        """What is known of a container."""
        with self._lock:
            return self._containers.get(container_id, ContainerMoments())
