"""What a command or a test selects: a workspace, an environment of it, services."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.errors import CopilotLocalError, Finding, InputError, UsageError
from emulator.events import Event, EventKind
from emulator.regions import DEFAULT_REGION
from emulator.settings_files import has_settings
from emulator.spelling import did_you_mean
from emulator.workspace import (
    COPILOT_FOLDER,
    DEFAULT_ENVIRONMENT,
    Workspace,
    find_workspace,
    interpolation_variables,
    resolve_app,
    resolve_environment,
    without_services,
)

if TYPE_CHECKING:
    from emulator.app.deployment import Deployment
    from emulator.compiler.context import Surroundings
    from emulator.ecs.service import Service
    from emulator.manifest import LoadedManifest
    from emulator.settings import Settings


@dataclass(frozen=True, slots=True)
class Selection:
    """What is selected. `services` are names or paths of manifests; none means all. `start` is where the workspace is
    looked for, else the working directory; `variables` win over the file's and the shell's."""

    app: str | None = None
    environment: str | None = None
    services: tuple[str, ...] = ()
    env_file: Path | None = None
    start: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    with_deps: bool = False
    """The services that those which are named call belong to it too."""
    any_manifest: bool = False
    """A workspace without services will do, be it that it has manifests of environments and pipelines only."""
    task_definition: Path | None = None
    """A plain ECS task definition to run instead of services of a workspace."""
    env_files: Mapping[str, Path] = field(default_factory=dict)
    """Files read in place of those that manifests name: `SERVICE` or `SERVICE/CONTAINER` to the file."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many tasks of a service run, in place of the manifest's number."""
    new_environment: bool = False
    """The environment may be one that the workspace does not declare."""


@dataclass(frozen=True, slots=True)
class Target:
    """One environment of one workspace, and the services of it that are meant."""

    workspace: Workspace
    app: str
    environment: str
    services: tuple[str, ...]
    variables: Mapping[str, str]
    """What `${NAME}` in manifests stands for."""
    process: Mapping[str, str] = field(default_factory=dict)
    """The shell's variables and those of the file; without what the settings say, which a repository may bring."""

    def selection(self, *services: str, any_manifest: bool = False) -> Selection:
        """These services of it, which are all without one, selected anew."""
        return Selection(
            self.app,
            self.environment,
            services,
            start=self.workspace.root,
            variables=self.variables,
            any_manifest=any_manifest,
            new_environment=True,
        )


@dataclass(frozen=True, slots=True)
class LoadedService:
    """A service, compiled for the environment, with everything that belongs to it on this machine."""

    service: Service
    settings: Settings
    workspace: Workspace
    manifest: LoadedManifest
    surroundings: Surroundings
    deployment: Deployment


def find_target(selection: Selection) -> Target:
    """The workspace, the names, and the services that are meant (all of the workspace where none is named).

    Raises InputError where there is no manifest of a service, UsageError where a name is not there.
    """
    workspace, names = _find_services(selection)
    if selection.environment is not None and not selection.new_environment:
        _refuse_unknown_environment(workspace, selection.environment)
    process = {**interpolation_variables(workspace.root, selection.env_file), **selection.variables}
    return Target(
        workspace=workspace,
        app=resolve_app(workspace, selection.app),
        environment=resolve_environment(workspace, selection.environment),
        services=names,
        variables={**_settings_variables(workspace), **process},
        process=process,
    )


def names_ahead(selection: Selection) -> tuple[str, str] | None:
    """Application and environment as `find_target` gives them, without a look into settings or manifests; None where
    they take one, or the selection is wrong."""
    if selection.task_definition is not None:
        return None
    with contextlib.suppress(CopilotLocalError):
        workspace, _ = _find_services(selection)
        declared = (None, DEFAULT_ENVIRONMENT, *workspace.environments)
        if selection.new_environment or selection.environment in declared:
            return resolve_app(workspace, selection.app), resolve_environment(workspace, selection.environment)
    return None


def _find_services(selection: Selection) -> tuple[Workspace, tuple[str, ...]]:
    paths = [Path(service) for service in selection.services if is_path(service)]
    if len(paths) > 1 or (paths and len(selection.services) > 1):
        raise UsageError(
            "a manifest's path cannot be combined with other services",
            hint="name the services of one workspace instead",
        )
    start = paths[0] if paths else selection.start or Path.cwd()
    workspace = find_workspace(start, services=not selection.any_manifest)
    if not workspace.services and not selection.any_manifest:
        raise without_services(workspace.root)
    names = workspace.services if paths or not selection.services else selection.services
    for name in names:
        workspace.manifest_path(name)
    return workspace, names


def _refuse_unknown_environment(workspace: Workspace, name: str) -> None:
    """Raises UsageError where the workspace declares environments, and none of that name."""
    if known := others_declared(workspace, name):
        raise UsageError(
            f"there is no environment {name} in {workspace.root / COPILOT_FOLDER}",
            hint=f"{did_you_mean(name, known, 'environments')}; --new-env takes {name} all the same",
        )


def others_declared(workspace: Workspace, name: str, *, deployed: bool = False) -> set[str]:
    """The environments that the workspace declares, where it does not declare the one of that name; else none. The
    default one needs no declaration here, but it does where it is `deployed`."""
    from emulator.settings import load_settings

    if name in workspace.environments or (name == DEFAULT_ENVIRONMENT and not deployed):
        return set()
    known = {*workspace.environments, *_overridden(workspace.manifests.values())}
    known |= load_settings(workspace.root).environments.keys()
    return set() if name in known else known


def _overridden(manifests: Iterable[Path]) -> set[str]:
    """The environments that manifests have something of their own for; those of a broken manifest are not known."""
    from emulator.manifest.load.source import Options, Source

    found: set[str] = set()
    for manifest in manifests:
        with contextlib.suppress(InputError):
            found.update(Source.read(manifest, Options(strict=False)).environments())
    return found


def _settings_variables(workspace: Workspace) -> Mapping[str, str]:
    if not has_settings(workspace.root):
        return {}
    from emulator.settings import load_settings

    return load_settings(workspace.root).variables


def environments_of(target: Target) -> list[str]:
    """Every environment that the workspace or a manifest of these services names, in order."""
    manifests = [target.workspace.manifest_path(service) for service in target.services]
    return sorted({*target.workspace.environments, *_overridden(manifests)})


def compared_environments(target: Target) -> list[str]:
    """The environment at hand, and after it every other one that the workspace or a manifest names."""
    return [target.environment, *(name for name in environments_of(target) if name != target.environment)]


def find_names(selection: Selection) -> tuple[str, str]:
    """Application and environment alone, for verbs that work without a manifest too when both are given."""
    if selection.app and selection.environment:
        empty = Workspace(root=selection.start or Path.cwd(), application=None, manifests={})
        return resolve_app(empty, selection.app), resolve_environment(empty, selection.environment)
    workspace = find_workspace(selection.start or Path.cwd())
    return resolve_app(workspace, selection.app), resolve_environment(workspace, selection.environment)


def find_one(selection: Selection) -> tuple[Target, str]:
    """The one service that a verb works on, not loaded yet. Raises UsageError where several could be meant."""
    target = find_target(selection)
    if len(target.services) != 1:
        raise UsageError(
            f"{len(target.services)} services could be meant: {', '.join(target.services)}", hint="choose one with -n"
        )
    return target, target.services[0]


def is_path(service: str) -> bool:
    """Whether an argument that stands for a service is the path of a manifest: service names hold neither."""
    return os.sep in service or service.endswith((".yml", ".yaml"))


def warning(finding: Finding) -> Event:
    """A finding that does not stop the command, as an event."""
    from emulator.display.failure import shown

    fields: dict[str, str | int | float | bool] = {"code": finding.code}
    if finding.hint:
        fields["hint"] = finding.hint
    if finding.position:
        fields |= {"file": finding.position.file, "line": finding.position.line, "column": finding.position.column}
    what = f"{finding.path}: {finding.message}" if finding.path else finding.message
    where = shown(finding.position) if finding.position else ""
    return Event(EventKind.WARNING, where, f"{what} [{finding.code}]", fields)


def region() -> str:
    """The region of this shell, else us-east-1."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
