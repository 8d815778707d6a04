"""Environment files that a deployment would upload: those that are missing or hold nothing would take the place of what
is deployed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from emulator.ecs.names import logical_id
from emulator.ecs.references import EnvFileReference
from emulator.errors import InputError
from emulator.files import read_text

if TYPE_CHECKING:
    from emulator.app.selection import LoadedService

_VARIABLE = re.compile(r"^[^#=\r\n][^=\r\n]*=", re.MULTILINE)
"""What ECS takes for a variable: a line with a name and `=` that is no comment."""


def environment_files(loaded: LoadedService) -> Iterator[tuple[str, EnvFileReference]]:
    """The environment files of a service's containers, each with the parameter of the stack that leads to it."""
    service = loaded.service
    router = service.task_definition.log_router
    for container in service.task_definition.container_definitions:
        name = (
            "EnvFileARN" if container.name == service.main_container else f"EnvFileARNFor{logical_id(container.name)}"
        )
        if router is not None and router.name == container.name and container.name != service.main_container:
            name = "LoggingEnvFileARN"
        for file in container.environment_files:
            if isinstance(file.value, EnvFileReference):
                yield name, file.value


def missing_variables(loaded: LoadedService, parameter: str, file: EnvFileReference) -> InputError | None:
    """What is wrong with a file that would be uploaded for a parameter; None where it holds variables."""
    path = loaded.workspace.root / file.name
    try:
        if _VARIABLE.search(read_text(path)):
            return None
        what = f"the environment file {file.name} holds no variables"
    except FileNotFoundError:
        what = f"there is no environment file {file.name}"
    except (OSError, UnicodeDecodeError) as error:
        what = f"the environment file {file.name} cannot be read: {error}"
    service = loaded.service
    stack = f"{service.app}-{service.environment}-{service.name}"
    return InputError(
        f"{what}: deployed like this, its container would lose the variables that it has now",
        position=file.position,
        hint=f"the address of the deployed file is the parameter {parameter} of {stack}: fetch that one with "
        f"`aws s3 cp`, or keep it by {parameter} in [environments.{service.environment}.parameters] of "
        "copilot-local.toml",
    )
