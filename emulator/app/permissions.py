"""Collects what an `up` needs the user's permission for, and describes what tasks get."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.ecs.service import Service
from emulator.errors import Position, UsageError
from emulator.manifest.yaml.nodes import Mapping as Map
from emulator.manifest.yaml.nodes import Node, Scalar, children
from emulator.regions import DEFAULT_REGION
from emulator.runtime.secrets.credentials import chosen
from emulator.runtime.secrets.sources import SecretChoice, SecretValues
from emulator.runtime.secrets.wanted import Finder
from emulator.runtime.state.task_role import TaskRole
from emulator.settings import CredentialSettings, LogPolicy, SecretSettings, load_settings
from emulator.settings_files import files_of
from emulator.settings_services import BesideSettings
from emulator.setup.images import AGENT_BASE_IMAGE, FRONT_IMAGE, PAUSE_IMAGE
from emulator.trust.needed import Asked
from emulator.workspace import Workspace, own_variables

if TYPE_CHECKING:
    from emulator.app.selection import LoadedService, Selection

TASKS_GET = "tasks get"
"""Subject of the event that says what tasks get of the developer."""
_OVERRIDES = "environments"


def asked_for(
    root: Path,
    services: Sequence[Service],
    *,
    selection: Selection,
    workspace: Workspace | None = None,
    loaded: Sequence[LoadedService] = (),
    credentials: str | None = None,
    secrets: SecretChoice | None = None,
    destinations: Mapping[str, LogPolicy] | None = None,
) -> Asked:
    """What the workspace at `root` asks for when these services run with these options."""
    settings = load_settings(root).with_destinations(destinations or {})
    own = (
        load_settings().with_destinations(destinations or {})
        if any(file.exists() for file in files_of(root))
        else settings
    )
    source = secrets.source if secrets is not None else None
    # `--env-file` is a file that the user named.
    file = own_variables(root) if selection.env_file is None else {}
    return Asked(
        root=root,
        services=services,
        settings=settings,
        own=own,
        credentials=chosen(credentials, settings.credentials),
        own_credentials=_own_credentials(credentials, own.credentials),
        secrets=SecretSettings(source=source or settings.secrets.source, profile=settings.secrets.profile),  # type: ignore[arg-type]
        own_secrets=SecretSettings(source=source or own.secrets.source, profile=own.secrets.profile),  # type: ignore[arg-type]
        shell=shell_variables(services, loaded, dict(settings.values), selection.variables),
        file={name: value for name, value in file.items() if name not in os.environ},
        compose=_compose_digest(settings.beside, own.beside),
        support_images=(PAUSE_IMAGE, FRONT_IMAGE, AGENT_BASE_IMAGE),
        workspace=workspace,
    )


def asked_for_one(loaded: LoadedService, selection: Selection) -> Asked:
    """What is asked for one service that gets no credentials."""
    found, root = loaded.workspace, loaded.workspace.root
    return asked_for(root, [loaded.service], selection=selection, workspace=found, loaded=[loaded], credentials="none")


def _compose_digest(beside: BesideSettings, own: BesideSettings) -> str:
    """See `Asked.compose`."""
    if not beside.compose or beside == own:
        return ""
    from emulator.app.beside import digest

    return digest(beside)


def _own_credentials(option: str | None, own: CredentialSettings) -> CredentialSettings:
    try:
        return chosen(option, own)
    except UsageError:  # an option such as `role`, which only the workspace's settings complete
        return CredentialSettings()


def shell_variables(
    services: Iterable[Service], loaded: Iterable[LoadedService], values: dict[str, str], given: Mapping[str, str]
) -> dict[str, Position | None]:
    """The variables of the shell that come into containers or builds: name to the place that names it, `${NAME}` in a
    manifest or a secret of that name."""
    found: dict[str, Position | None] = {}
    for one in loaded:
        for name, node in interpolated(one.manifest.tree):
            found.setdefault(name, Position(str(one.manifest.path), node.line, node.column))
    finder = Finder(values, DEFAULT_REGION)
    for service in services:
        for wanted in (*finder.variables(service), *finder.logins(service)):
            named = next((name for name in wanted.variables if name in os.environ), None)
            if named is not None:
                found.setdefault(named, wanted.position)
    return {name: where for name, where in found.items() if name in os.environ and name not in given}


def interpolated(node: Node) -> Iterator[tuple[str, Scalar]]:
    """Names of the variables in the values of a tree, without the overrides of environments that are not in use."""
    if isinstance(node, Scalar):
        yield from ((name, node) for name in node.variables)
        return
    overrides = node.get(_OVERRIDES) if isinstance(node, Map) else None
    for child in children(node):
        if child is not overrides:
            yield from interpolated(child)


def tasks_get(asked: Asked, role: TaskRole | None, values: SecretValues) -> str:
    """What tasks get of the developer, in one line; empty where that is nothing."""
    parts: list[str] = []
    if role is not None:
        parts.append(_credentials(role, asked.credentials))
    if values.asked_aws:
        profile = asked.secrets.profile
        parts.append(f"secrets from AWS{f' as profile {profile}' if profile else ''}")
    if asked.shell:
        parts.append(f"of your shell {', '.join(sorted(asked.shell))}")
    live = sorted(name for name, policy in asked.settings.logs.destinations.items() if policy == "live")
    if live:
        which = "all destinations" if "*" in live else ", ".join(live)
        parts.append(f"your AWS credentials for logs that are really sent ({which})")
    return "; ".join(parts)


def _credentials(role: TaskRole, settings: CredentialSettings) -> str:
    match role.source:
        case "static":
            return "the AWS keys of your shell"
        case "profile":
            return f"credentials of profile {role.name}"
        case _:
            through = f" of profile {settings.profile or role.name}" if settings.profile or role.name else ""
            return f"credentials of role {role.role_arn}, assumed with the keys{through or ' of your shell'}"
