"""Who is connected: what a task's pause says of Service Connect, and which tasks may be behind a name.

Source: Amazon ECS, "Service Connect"; Copilot's `network.connect`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeGuard

from emulator.engine.interface import Container, ContainerState, Health
from emulator.runtime.state.names import CONNECT, CONNECT_PORT
from emulator.runtime.state.observed import Task

if TYPE_CHECKING:
    from emulator.ecs.service import Service

MARK = "# Service Connect"
"""Ends each line of ours in /etc/hosts."""
HOSTS_READY = "/tmp/hosts.ready"
"""Pause makes this file when its own lines are in /etc/hosts."""
NO_NAME = "-"
"""Stands for the name of a task that is a client alone; no host is called so."""
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,125}[A-Za-z0-9_])?")


def connect_labels(service: Service) -> dict[str, str]:
    """What a task's pause says of Service Connect: nothing, or the name it serves, empty where it is a client only."""
    if service.connect is None:
        return {}
    name = service.connect.dns_name or ""
    return {
        CONNECT: name if is_host_name(name) else NO_NAME,
        CONNECT_PORT: "" if service.connect.port is None else str(service.connect.port),
    }


def is_host_name(name: str) -> bool:
    """Whether a name can stand in a hosts file and be asked for. ECS takes up to 127 characters."""
    return _HOST_NAME.fullmatch(name) is not None


def is_client(task: Task) -> bool:
    """Whether the names are for this task, and it is there to have them."""
    return runs(task.pause) and CONNECT in task.pause.labels


def serves(task: Task) -> bool:
    """Whether the task is behind a name."""
    return task.pause is not None and task.pause.labels.get(CONNECT, NO_NAME) != NO_NAME


def runs(pause: Container | None) -> TypeGuard[Container]:
    """Whether a pause is there and runs."""
    return pause is not None and pause.state is ContainerState.RUNNING


def is_ready(task: Task) -> bool:
    """ECS: a task is behind the name once its containers run, and those are healthy that its health is made of: the
    essential ones that have a check."""
    return task.fault(()) is None and all(
        member.started
        and (not member.running or not member.essential or member.container.health in (Health.NONE, Health.HEALTHY))
        for member in task.members.values()
    )
