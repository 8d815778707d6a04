"""The services that tables of the settings name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from emulator.errors import InputError
from emulator.settings import setting_position
from emulator.spelling import did_you_mean

if TYPE_CHECKING:
    from emulator.workspace import Workspace


def check_named(names: Iterable[str], workspace: Workspace, *table: str) -> None:
    """Raises InputError for a name (`SERVICE` or `SERVICE/CONTAINER`) of which the workspace has no service, where the
    workspace's own settings say it in that table: yours are for other workspaces too."""
    for name in names:
        service = name.partition("/")[0]
        position = setting_position(workspace.root, *table, name)
        if position is not None and service not in workspace.services:
            raise InputError(
                f"[{'.'.join(table)}]: there is no service {service}",
                position=position,
                hint=did_you_mean(service, workspace.services, "services"),
            )
