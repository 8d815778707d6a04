"""The log router's configuration in a Compose file: ECS's, with the records captured in files, as when `up` runs it."""

from __future__ import annotations

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import Unsupported
from emulator.firelens.local import LOG_FOLDER, local_router_configuration
from emulator.firelens.routing import find_router

__all__ = ["LOG_FOLDER", "router_parts"]


def router_parts(definition: TaskDefinition, identity: TaskIdentity, service: str) -> str:
    """The text of the configuration file. Raises Unsupported where it includes a file of the router's image: its
    outputs would leave the machine."""
    router = find_router(definition)
    if router is not None and router.include_path is not None:
        raise Unsupported(
            f"the log router reads its own file {router.include_path}, whose outputs would leave this machine",
            hint="`copilot-local up` runs it with its outputs captured",
        )
    return local_router_configuration(definition, identity, service=service, check=False).text.lstrip("\n")
