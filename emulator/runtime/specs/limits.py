"""A task's CPU and memory as Docker limits.

On cgroup v1 with Docker's own driver the members live below pause's control group, whose limits hold for all of them
together, as on Fargate. Elsewhere Docker offers no such parent that would go away by itself: then every container gets
the task's memory as its limit and the task's CPU as its quota, and together they may take more than the task has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emulator.ecs.fargate import cpu_units, memory_mib
from emulator.engine.interface import ContainerSpec, EngineInfo
from emulator.runtime.state.conventions import JSON_FILE_OPTIONS, NO_FILE, RESTART

if TYPE_CHECKING:
    from emulator.ecs.task_definition import ContainerDefinition, TaskDefinition

MIB = 1024 * 1024
BELOW_PAUSE = "below-pause"
"""Stands for the control group of the task's pause container in `ContainerSpec.cgroup_parent` until that exists."""
TASK_PIDS = 16384
"""Processes and threads of a container of a task, and with nested limits of the task: a fork bomb ends there. Fargate's
own limit is not documented; its kernel has numbers for 32768."""
OWN_PIDS = 512
"""The same for a container of our own."""
NO_NEW_PRIVILEGES = ("no-new-privileges",)
"""For containers of our own: no program in them gets more than the container's first one was given."""
OWN = ContainerSpec(
    name="",
    image="",
    log_options=JSON_FILE_OPTIONS,
    cap_drop=("ALL",),
    security_options=NO_NEW_PRIVILEGES,
    pids_limit=OWN_PIDS,
    ulimits=(NO_FILE,),
)
"""What a container of our own is made from: nothing but what it asks for."""
LASTING = replace(OWN, restart=RESTART)
"""The same of one that is no task's."""
LEAST_SHARES = 2
"""Docker's minimum; ECS gives it to a container that names no CPU."""


def can_nest(info: EngineInfo) -> bool:
    """Whether containers can live below another container's control group here."""
    return info.cgroup_version == 1 and info.cgroup_driver == "cgroupfs" and not info.rootless


def below(pause_id: str) -> str:
    """The parent control group that puts a container below another one."""
    return f"/docker/{pause_id}"


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """The limits of one task. `memory` in bytes, `nano_cpus` in billionths of a CPU; None: no limit."""

    nano_cpus: int | None
    memory: int | None
    nested: bool

    @classmethod
    def of(cls, definition: TaskDefinition, *, nested: bool) -> TaskLimits:
        """The limits that a task definition names."""
        return cls(
            nano_cpus=cpu_units(definition.cpu) * 1_000_000_000 // 1024 if definition.cpu else None,
            memory=memory_mib(definition.memory) * MIB if definition.memory else None,
            nested=nested,
        )

    @property
    def scope(self) -> str:
        """What they limit: the `task` as a whole, or each `container`; empty where there are none."""
        if self.nano_cpus is None and self.memory is None:
            return ""
        return "task" if self.nested else "container"

    def member_memory(self, container: ContainerDefinition) -> int | None:
        """The hard limit of one container."""
        if container.memory:
            return container.memory * MIB
        return None if self.nested else self.memory

    def shares(self, container: ContainerDefinition) -> int:
        """The container's weight against the others of the task."""
        return max(container.cpu or 0, LEAST_SHARES)
