"""The orders in which the containers of one task are made and started."""

from __future__ import annotations

from emulator.errors import InputError
from emulator.runtime.specs.container import MemberSpec
from emulator.runtime.specs.task import TaskSpec


def in_volume_order(task: TaskSpec) -> list[MemberSpec]:
    """Members such that each one comes after those whose volumes it takes; raises `InputError` for a circle."""
    members = {member.definition.name: member for member in task.members}
    order: list[MemberSpec] = []
    while len(order) < len(members):
        placed = {member.definition.name for member in order}
        free = [member for name, member in members.items() if name not in placed and volume_sources(member) <= placed]
        if not free:
            raise InputError("containers take volumes from each other", hint="break the circle of volumesFrom")
        order += free
    return order


def volume_sources(member: MemberSpec) -> set[str]:
    """The containers whose volumes it takes."""
    return {source.source_container for source in member.definition.volumes_from}


def in_dependency_order(task: TaskSpec) -> list[MemberSpec]:
    """Members such that each one comes after those it depends on, and where that allows it after those whose volumes
    it takes.

    Raises `InputError` for what ECS stops a task over: a circle, an unknown name, HEALTHY of a container unchecked.
    """
    members = {member.definition.name: member for member in task.members}
    for member in task.members:
        for dependency, condition in member.depends_on:
            if condition == "HEALTHY" and dependency in members and members[dependency].definition.health_check is None:
                raise InputError(
                    f"container {member.definition.name} waits for {dependency} to be HEALTHY, "
                    f"but {dependency} has no health check",
                    hint=f"give {dependency} a health check, or wait for it to START",
                )
    order: list[MemberSpec] = []
    placed: set[str] = set()
    while len(order) < len(members):
        free = [m for name, m in members.items() if name not in placed and {d for d, _ in m.depends_on} <= placed]
        free = [m for m in free if volume_sources(m) <= placed] or free
        if not free:
            stuck = ", ".join(name for name in members if name not in placed)
            raise InputError(
                f"containers {stuck} wait for each other or for a container that is not there",
                hint="every name under depends_on must be a container of the task, without circles",
            )
        order += free
        placed |= {member.definition.name for member in free}
    return order
