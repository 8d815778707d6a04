"""A task that runs to its end, as a Scheduled Job's does: how it is marked, and what its end was."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from emulator.engine.interface import ContainerSpec
from emulator.runtime.specs.restart import may_restart
from emulator.runtime.specs.task import TaskSpec
from emulator.runtime.state import names
from emulator.runtime.state.observed import Member, Task

SETTLES = 5.0
"""Seconds within which a restart policy has started a container again, if it does."""


def as_one_off(task: TaskSpec, labels: Mapping[str, str] | None = None) -> TaskSpec:
    """The task with a label that keeps the service scheduler from it, and with these `labels`."""

    def marked(spec: ContainerSpec) -> ContainerSpec:
        return replace(spec, labels={**spec.labels, names.ONE_OFF: "true", **(labels or {})})

    members = tuple(replace(member, spec=marked(member.spec)) for member in task.members)
    return replace(task, pause=marked(task.pause), members=members)


class Ends:
    """Which exit has ended a task, over several looks at it: that of an essential container, unless the container's
    restart policy starts it again. Whether it does depends on how long the container ran, which a look does not tell:
    one that was not started again in `SETTLES` seconds has ended. `clock` gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, float] = {}
        """When each container that has exited was seen so first, by id."""

    def by(self, task: Task) -> Member | None:
        """The container that has ended the task; None while it runs."""
        now, exited = self._clock(), exited_members(task)
        self._seen = {one.container.id: self._seen.get(one.container.id, now) for one in exited}
        return next(
            (one for one in exited if not may_restart(one) or now - self._seen[one.container.id] >= SETTLES), None
        )

    @property
    def open(self) -> bool:
        """Whether the last look met a container that may be started again."""
        return bool(self._seen)


def exited_members(task: Task) -> list[Member]:
    """The essential containers that have exited, or whose start was given up."""
    return [one for one in task.members.values() if one.essential and one.ended]
