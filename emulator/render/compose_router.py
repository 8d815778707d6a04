"""The log router's configuration in a Compose file: ECS's, with the records captured in files, as when `up` runs it."""

from __future__ import annotations

from collections.abc import Callable

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import InputError, Position
from emulator.firelens.destinations import Destinations
from emulator.firelens.local import LocalRouterConfiguration, local_router_configuration
from emulator.firelens.routing import find_router
from emulator.firelens.stored import LOG_FOLDER
from emulator.firelens.users_files import find_in, plain_path
from emulator.render.stock_router_files import STOCK_FILES

__all__ = ["LOG_FOLDER", "RouterFiles", "no_files", "router_configuration"]

RouterFiles = Callable[[str], str | None]
"""What a file of the router's image says, by its absolute path; None where that is not known."""


def no_files(path: str) -> None:
    """Knows no file."""
    del path


def router_configuration(
    definition: TaskDefinition,
    identity: TaskIdentity,
    service: str,
    files: RouterFiles,
    destinations: Destinations,
    position: Position | None,
) -> LocalRouterConfiguration:
    """The files that the router runs on. Raises InputError at `position`, the line that names the router's own file,
    where it is not known what that says: its outputs could leave this machine."""
    router = find_router(definition)
    read: dict[str, str] = {}

    def known(path: str) -> str | None:
        path = plain_path(path)
        text = files(path)
        if text is None:
            text = STOCK_FILES.get(path)
        if text is not None:
            read[path] = text
        return text

    if router is not None and router.include_path is not None and router.config_type == "file":
        path = router.include_path
        if known(path) is None:
            raise InputError(
                f"what {path} in the log router's image says is not known, and its outputs would leave this machine",
                position=position,
                hint=f"give a copy of it with --router-file {path}=FILE, or the folder that the image is built from in "
                "[substitute] of copilot-local.toml",
            )
    return local_router_configuration(
        definition,
        identity,
        service=service,
        destinations=destinations,
        read=known,
        find=find_in(STOCK_FILES | read),
        working_directory="/",
        check=False,
    )
