"""Work on a service that ends before its time, since its deployment is stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class Interruption(threading.Event):
    """Set for one piece of work, or for all by `parent`."""

    def __init__(self, parent: threading.Event) -> None:
        super().__init__()
        self._parent = parent

    def is_set(self) -> bool:
        """Whether the work is to end."""
        return super().is_set() or self._parent.is_set()


@dataclass
class _Work:
    interruption: Interruption
    command: bool
    asked: list[str] = field(default_factory=list)


class StopRequests:
    """Who is at work on the deployment of which service. `cancelled` ends everything. Thread-safe."""

    def __init__(self, cancelled: threading.Event) -> None:
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._work: dict[str, _Work] = {}

    @contextmanager
    def working_on(self, services: Iterable[str], *, command: bool = False) -> Iterator[Interruption]:
        """Within this block deployments of these services are carried out, for a `command` or by the agent itself."""
        work, names = _Work(Interruption(self._cancelled), command), list(services)
        with self._lock:
            self._work.update(dict.fromkeys(names, work))
        try:
            yield work.interruption
        finally:
            with self._lock:
                self._work = {name: one for name, one in self._work.items() if one is not work}

    def by_command(self, service: str) -> bool:
        """Whether the work on a service is a command's, which rolls it back itself once it is interrupted."""
        with self._lock:
            return service in self._work and self._work[service].command

    def interrupt(self, service: str) -> None:
        """Ends the work on a service, if there is any."""
        with self._lock:
            if service in self._work:
                self._work[service].asked.append(service)
                self._work[service].interruption.set()

    def taken(self, interruption: Interruption) -> str | None:
        """The service that an interruption was meant for, once; the work may go on then."""
        with self._lock:
            for work in self._work.values():
                if work.interruption is interruption and work.asked:
                    interruption.clear()
                    return work.asked.pop(0)
        return None
