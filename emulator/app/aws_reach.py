"""The services that `[aws.reach]` names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from emulator.errors import InputError
from emulator.settings import setting_position
from emulator.spelling import did_you_mean

if TYPE_CHECKING:
    from emulator.workspace import Workspace


def check_reach(services: Iterable[str], workspace: Workspace) -> None:
    """Raises InputError for a name that no service of the workspace has, where the workspace's own settings say it:
    yours are for other workspaces too."""
    for name in services:
        position = setting_position(workspace.root, "aws", "reach", name)
        if position is not None and name not in workspace.services:
            raise InputError(
                f"[aws.reach]: there is no service {name}",
                position=position,
                hint=did_you_mean(name, workspace.services, "services"),
            )
