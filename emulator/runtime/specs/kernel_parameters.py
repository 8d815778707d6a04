"""Kernel parameters of a task (`systemControls`) that the machine here does not have, or does not take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.ecs.task_definition import TaskDefinition


INTERFACES = ("all", "default", "lo", "eth0")
"""What parameters of an interface may name here. A task on Fargate has eth1 too."""
_OF_INTERFACE = re.compile(r"net\.ipv[46]\.(?:conf|neigh)\.(.+)\.[^.]+")
_IN_RUNCS_WORDS = re.compile(r"(open|write) /proc/sys/(\S+): (no such file or directory|[a-z ]+)")


@dataclass(frozen=True, slots=True)
class Refused:
    """A parameter that a container could not be started with. `missing`: there is none of that name here; else its
    value is not taken."""

    name: str
    reason: str
    missing: bool


def interface_not_here(namespace: str) -> str:
    """The interface that a parameter is of and that a task here does not have; empty for all other parameters."""
    found = _OF_INTERFACE.fullmatch(namespace)
    return found[1] if found and found[1] not in INTERFACES else ""


def network_parameters(definition: TaskDefinition) -> dict[str, str]:
    """Those of the network, which the containers share, without what an interface has that is not here: of two of one
    name the last one counts."""
    return {
        control.namespace: control.value
        for container in definition.container_definitions
        for control in container.system_controls
        if control.namespace.startswith("net.") and not interface_not_here(control.namespace)
    }


def refused_parameter(message: str, parameters: Mapping[str, str]) -> Refused | None:
    """Which of a container's parameters Docker's error is about; None where it is about something else."""
    found = _IN_RUNCS_WORDS.search(message)
    if found is None:
        return None
    for name in parameters:
        if name.replace(".", "/") == found[2].replace(".", "/"):
            return Refused(name, found[3].strip(), missing=found[1] == "open")
    return None
