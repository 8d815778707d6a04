"""From a selection to services ready to run or render."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.app.selection import LoadedService, Selection, find_one
from emulator.errors import UsageError
from emulator.events import Emit
from emulator.missing import Blockers
from emulator.workspace import DEFAULT_ENVIRONMENT, interpolation_variables

if TYPE_CHECKING:
    from emulator.app.deployment import Deployment
    from emulator.ecs.service import Service
    from emulator.runtime.state.names import Names


def load_services(
    selection: Selection,
    emit: Emit,
    *,
    strict: bool = False,
    given: Deployment | None = None,
    https: bool | None = None,
    blockers: Blockers | None = None,
) -> list[LoadedService]:
    """Loads, checks and compiles the selected services; findings that are no errors are emitted as warnings.

    `given` holds the options of a deployment; without it the services run here, and `https` says whether with an HTTPS
    listener (None: as the settings say, otherwise where a deployment would have one). A workload that does not run on
    ECS is left out with a warning, unless it was named. What is missing or wrong is added to `blockers`; without them,
    raises one error with all of it, and what `find_target` raises.
    """
    from emulator.app.service_loader import ServiceLoader

    found = Blockers() if blockers is None else blockers
    loaded, passed_over = ServiceLoader(selection, emit, strict, given, https, found).all()
    if passed_over and not loaded and not found:
        found.errors.append(passed_over[0])
    if blockers is None or not (loaded or blockers.missing):
        found.raise_any()
    return loaded


def load_task_definition(
    selection: Selection, path: Path, https: bool | None
) -> tuple[Path, Names, Mapping[str, str], list[Service]]:
    """Loads a plain task definition: its folder is the workspace, its family the application and the service."""
    from emulator.ecs.plain import read_task_definition, refuse_problems, service_of
    from emulator.runtime.state.names import Names
    from emulator.settings import load_settings

    if selection.services:
        raise UsageError("--task-definition cannot be combined with services: it runs the one that the file describes")
    definition = read_task_definition(path)
    root = path.resolve().parent
    refuse_problems(definition, path, ecs_limits=load_settings(root).time.ecs_limits)
    names = Names(selection.app or definition.family, selection.environment or DEFAULT_ENVIRONMENT)
    service = service_of(definition, app=names.app, environment=names.environment, path=str(path))
    if https or (https is None and load_settings(root).front.https):
        rules = [rule.model_copy(update={"name": "https", "listener": "HTTPS"}) for rule in service.listener_rules]
        service = service.model_copy(update={"listener_rules": [*service.listener_rules, *rules]})
    return root, names, interpolation_variables(root, selection.env_file), [service]


def load_one(selection: Selection, emit: Emit, *, strict: bool = False) -> LoadedService:
    """Loads the one service that a verb works on. Raises `UsageError` where several could be meant."""
    find_one(selection)
    return load_services(selection, emit, strict=strict)[0]
