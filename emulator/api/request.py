"""From a service that the ECS API makes or changes to an `up` request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.app.selection import Selection
from emulator.app.up_request import Loaded, UpOptions, request_of
from emulator.errors import InputError
from emulator.events import Emit
from emulator.missing import Blockers, Kind
from emulator.workspace import find_workspace, interpolation_variables

if TYPE_CHECKING:
    from emulator.ecs.service import Service
    from emulator.runtime.planning.up_request import ApiOrder, UpRequest
    from emulator.runtime.state.names import Names


def workspace_at(folder: Path) -> Path:
    """Where settings and secrets are looked for: the workspace that the folder is in, else the folder."""
    try:
        return find_workspace(folder, services=False).root
    except InputError:
        return folder


def ordered_request(
    service: Service, names: Names, root: Path, emit: Emit, options: UpOptions, order: ApiOrder, *, region: str
) -> UpRequest:
    """Assembles a request. Raises `MissingError` with what its tasks lack, except for private values that the agent has
    already, and what `up_request` raises."""
    loaded = Loaded(root, names, interpolation_variables(root, None), [service], complete=False)
    found = Blockers()
    request = request_of(loaded, Selection(start=root), emit, options, found)
    inherited = {one for variables in order.inherited.get(service.name, {}).values() for one in variables}
    lacking = [one for one in found.missing if one.kind is not Kind.SECRET or one.name not in inherited]
    Blockers(lacking, [*found.errors]).raise_any()
    return replace(request, order=order, region=region, beside=None, seed=None)
