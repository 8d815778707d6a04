"""Reads and compiles one manifest of a selection, with its addons, patches and overrides."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from emulator.app.selection import Target
from emulator.errors import Finding, InputError
from emulator.settings_files import FILE_NAME, has_settings
from emulator.workspace import Workspace

if TYPE_CHECKING:
    from emulator.app.deployment import Deployment
    from emulator.compiler.context import Surroundings
    from emulator.ecs.service import Service
    from emulator.manifest import LoadedManifest


ADDON_CODE, PATCH_CODE, OVERRIDE_CODE, REGISTRATION_CODE, TWICE_CODE = "CL142", "CL143", "CL138", "CL144", "CL153"
"""The codes of findings about addons, patches, overrides, the task definition that these lead to, and its variables."""


def deployment_of(target: Target) -> Deployment:
    """What the settings and the environment's manifest say of a target."""
    from emulator.app.deployment import Deployment, deployment, with_environment_manifest
    from emulator.settings import load_settings

    found = deployment(load_settings(target.workspace.root), target.environment, Deployment())
    path = target.workspace.environment_manifest_path(target.environment)
    return with_environment_manifest(found, path, target.app, target.variables)


def compiled(
    target: Target, name: str, manifest: LoadedManifest, where: Deployment, *, here: bool, https: bool | None
) -> tuple[Service, Surroundings]:
    """Compiles one service; returns it with the surroundings it was compiled in."""
    from emulator.app.deployment import surroundings
    from emulator.compiler import compile_service

    around = surroundings(target.workspace, name, manifest.manifest, where, here=here, https=https)
    service = compile_service(
        manifest.manifest,
        app=target.app,
        environment=target.environment,
        position=manifest.position,
        path=str(manifest.path),
        surroundings=around,
    )
    return service, around


def patches_not_here(target: Target, service: Service) -> list[Finding]:
    """Warnings about patches of load balancer resources that only a deployment has, but for those that are silenced.
    `service` is compiled to run on this machine."""
    if not service.template_patches:
        return []
    from emulator.compiler.listener.patches import not_applied
    from emulator.manifest.findings.suppression import unsilenced

    return list(unsilenced(not_applied(service), ignored(target.workspace)))


def registration_findings(service: Service, manifest: LoadedManifest, around: Surroundings) -> list[Finding]:
    """Everything that keeps the task definition of a service from being registered, at its line."""
    from emulator.compiler.registration import registration_problems

    return [
        Finding(REGISTRATION_CODE, problem.message, position, path, problem.hint)
        for problem, path, position in registration_problems(service, manifest.manifest, around, manifest.position)
    ]


def load_manifest(target: Target, name: str, *, strict: bool = False) -> LoadedManifest:
    """One manifest, merged for the environment and checked. Messages name it as the user would."""
    from emulator.manifest import load

    return load(**manifest_arguments(target, name, strict))


class ManifestArguments(TypedDict):
    """What the manifest of a service is loaded with."""

    path: Path
    environment: str
    variables: Mapping[str, str]
    app: str
    strict: bool
    ignore: tuple[str, ...]
    volumes: tuple[str, ...]


def manifest_arguments(target: Target, name: str, strict: bool) -> ManifestArguments:
    """What the manifest of a service is loaded with. Messages name it as the user would."""
    from emulator.display.failure import shown_path

    return {
        "path": Path(shown_path(target.workspace.manifest_path(name))),
        "environment": target.environment,
        "variables": target.variables,
        "app": target.app,
        "strict": strict,
        "ignore": ignored(target.workspace),
        "volumes": patched_volumes(target.workspace, name),
    }


def patched_volumes(workspace: Workspace, name: str) -> tuple[str, ...]:
    """The names of the volumes that a service's patches add. None where they cannot be read: that is an error where
    they are applied."""
    if not (workspace.manifest_path(name).parent / "overrides").is_dir():
        return ()
    from emulator.app.deployment import patches_of
    from emulator.compiler.patches import added_volumes

    try:
        return tuple(sorted(added_volumes(patches_of(workspace, name))))
    except InputError:
        return ()


def ignored(workspace: Workspace) -> tuple[str, ...]:
    """The codes of findings that the settings silence. Raises InputError where the settings are wrong."""
    if not has_settings(workspace.root):
        return ()
    from emulator.manifest.findings.codes import CODES
    from emulator.settings import load_settings

    codes = load_settings(workspace.root).validation.ignore
    for code in codes:
        if code not in CODES:
            raise InputError(
                f"[validate] ignore in {FILE_NAME}: there is no finding {code}",
                hint="`copilot-local reference findings` has all codes, such as CL101",
            )
    return codes
