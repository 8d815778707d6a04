"""Which containers their restart policies start again: an agent decides once, when a container exits.

Source: the ECS agent's restart tracker: a container that is to stop is not restarted, and one that died too young never
is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime

from emulator.engine.interface import EngineEvent
from emulator.runtime.specs.restart import restartable
from emulator.runtime.state import names
from emulator.runtime.state.observed import Member, Observed


class Restarts:
    """What is known of how long containers ran. `clock` gives seconds, like `time.monotonic`. Used by two threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._stays: set[str] = set()
        """The ids of those that have exited and are not started again."""

    def happened(self, event: EngineEvent) -> None:
        """Takes an event of a container. Events may come late where much happens at once."""
        container, at = event.container_id, self._clock() - max(0.0, (datetime.now(UTC) - event.time).total_seconds())
        if event.action == "start":
            self._started[container] = at
            self._ended.pop(container, None)
            self._stays.discard(container)
        elif event.action == "die":
            self._ended[container] = at
        elif event.action == "destroy":
            self._started.pop(container, None)
            self._ended.pop(container, None)
            self._stays.discard(container)

    def due(
        self, observed: Observed, is_stopping: Callable[[str], bool], told_to_stop: Collection[str] = ()
    ) -> list[Member]:
        """The containers that have exited and are to be started again; it is asked about each exit once.

        `is_stopping`: whether a task, by its id, is to stop; `told_to_stop`: names of containers that are.
        """
        found = []
        for member in restartable(observed, self._started, self._clock(), ended=self._ended):
            container = member.container
            stops = container.name in told_to_stop or is_stopping(container.labels.get(names.TASK, ""))
            if container.id not in self._stays and not stops:
                found.append(member)
                self._started[container.id] = self._clock()
        members = [member for task in observed.tasks.values() for member in task.members.values()]
        exited = {one.container.id for one in members if one.started and one.container.exit_code is not None}
        self._stays.update(exited - {member.container.id for member in found})
        return found
