"""`[container_variables]` of the settings: variables that containers have on this machine alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from emulator.ecs.service import Service
from emulator.errors import InputError
from emulator.settings import VARIABLES_HERE, setting_position
from emulator.spelling import did_you_mean

Table = Mapping[str, Mapping[str, str]]
"""`SERVICE`, for its main container, or `SERVICE/CONTAINER`, to the variables by name."""
SECTION = VARIABLES_HERE


def local_variables(table: Table, service: Service) -> dict[str, dict[str, str]]:
    """The variables of a service's containers, by container. Those of `SERVICE/CONTAINER` win over those of
    `SERVICE`."""
    found: dict[str, dict[str, str]] = {}
    if service.name in table:
        found[service.main_container] = dict(table[service.name])
    for name, variables in table.items():
        owner, separator, container = name.partition("/")
        if separator and owner == service.name:
            found[container] = found.get(container, {}) | dict(variables)
    return found


def check_local_variables(table: Table, services: Sequence[Service], workspace: Path) -> None:
    """Raises InputError for a container that a service has not, and for a variable that is a secret there. A service
    that is not meant now may be named."""
    for service in services:
        containers = {one.name: one for one in service.task_definition.container_definitions}
        for container, variables in local_variables(table, service).items():
            name = f"{service.name}/{container}"
            if container not in containers:
                known = [f"{service.name}/{one}" for one in containers]
                raise InputError(
                    f"[{SECTION}] {name}: {service.name} has no container {container}",
                    position=setting_position(workspace, SECTION, name),
                    hint=did_you_mean(name, known, "containers"),
                )
            for secret in containers[container].secrets:
                if secret.name in variables:
                    raise InputError(
                        f"[{SECTION}] {name}: {secret.name} is a secret of the container, and this file holds none",
                        position=setting_position(workspace, SECTION, secret.name),
                        hint="give it in .copilot-local/secrets.env, which stays out of git",
                    )
