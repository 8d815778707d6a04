"""A task that runs to its end, as a Scheduled Job's does: how it is marked, and what its end was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from emulator.engine.interface import ContainerSpec, Engine
from emulator.runtime.specs.task import TaskSpec
from emulator.runtime.state import names
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Member, Task


def as_one_off(task: TaskSpec, labels: Mapping[str, str] | None = None) -> TaskSpec:
    """The task with a label that keeps the service scheduler from it, and with these `labels`."""

    def marked(spec: ContainerSpec) -> ContainerSpec:
        return replace(spec, labels={**spec.labels, names.ONE_OFF: "true", **(labels or {})})

    members = tuple(replace(member, spec=marked(member.spec)) for member in task.members)
    return replace(task, pause=marked(task.pause), members=members)


def ended_by(task: Task) -> Member | None:
    """The essential container whose exit has ended the task; None while it runs."""
    return next((one for one in task.members.values() if one.essential and one.started and not one.running), None)


def remove_rest(engine: Engine, environment: Names, task_id: str) -> None:
    """Removes what a stopped task has left."""
    for container in engine.list_containers({**environment.labels(), names.TASK: task_id}):
        engine.remove(container.name)
    for volume in engine.list_volumes({**environment.labels(), names.TASK: task_id}):
        engine.remove_volume(volume)
