"""The services that tables of the settings name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from emulator.errors import CopilotLocalError, InputError
from emulator.settings_files import has_settings
from emulator.spelling import did_you_mean

if TYPE_CHECKING:
    from emulator.app.selection import Target
    from emulator.ecs.service import Service
    from emulator.settings import Settings
    from emulator.workspace import Workspace


def check_named(names: Iterable[str], workspace: Workspace, *table: str) -> None:
    """Raises InputError for a name (`SERVICE` or `SERVICE/CONTAINER`) of which the workspace has no service, where the
    workspace's own settings say it in that table: yours are for other workspaces too."""
    from emulator.settings import setting_position

    for name in names:
        service = name.partition("/")[0]
        position = setting_position(workspace.root, *table, name)
        if position is not None and service not in workspace.services:
            raise InputError(
                f"[{'.'.join(table)}]: there is no service {service}",
                position=position,
                hint=did_you_mean(service, workspace.services, "services"),
            )


def check_named_services(settings: Settings, workspace: Workspace) -> None:
    """Raises InputError where a table names a service that is not there."""
    from emulator.settings import VARIABLES_HERE

    if isinstance(settings.aws.reach, Mapping):
        check_named(settings.aws.reach, workspace, "aws", "reach")
    check_named(settings.container_variables, workspace, VARIABLES_HERE)


def check_settings(target: Target) -> None:
    """Raises InputError where the settings of a workspace name a service, or a container of one that is meant, that is
    not there."""
    if not has_settings(target.workspace.root):
        return
    from emulator.settings import load_settings  # `validate` without settings does not wait for it

    settings = load_settings(target.workspace.root)
    check_named_services(settings, target.workspace)
    meant = {name.partition("/")[0] for name in settings.container_variables} & set(target.services)
    if meant:
        from emulator.runtime.planning.local_variables import check_local_variables

        check_local_variables(settings.container_variables, list(_compiled(target, meant)), target.workspace.root)


def _compiled(target: Target, names: Iterable[str]) -> Iterable[Service]:
    from emulator.app.load import load_services
    from emulator.events import discard

    for name in sorted(names):
        with contextlib.suppress(CopilotLocalError):  # what is wrong with its manifest is said of that
            yield from (one.service for one in load_services(target.selection(name), discard))
