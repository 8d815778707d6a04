"""What `validate` finds in what environments and pipelines have beside their manifests: addons and overrides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.app.compile import ADDON_CODE, PATCH_CODE
from emulator.app.selection import Target
from emulator.cli.manifest.validate_deployment import changes_one_of, condition_of, own_finding, unread_cdk
from emulator.errors import CopilotLocalError, Finding, FindingsError, InputError, Unsupported
from emulator.events import discard

if TYPE_CHECKING:
    from emulator.ecs.addons.model import TemplatePatch
    from emulator.ecs.environment.model import Environment
    from emulator.workspace import Workspace

_COPILOTS_OWN = (
    "HTTPSCert",
    "Cert*",
    "DelegateDNSAction",
    "DNSDelegationFunction",
    "CustomDomain*",
    "CustomResourceRole",
    "Unique*",
    "*BucketCleaner*",
    "CloudformationExecutionRole",
    "EnvironmentManagerRole",
    "AddonsStack",
)
"""Resources of Copilot's template that a rendered stack has no counterpart of, or not always."""
_COPILOTS_CONDITIONS = ("Create*", "DelegateDNS", "Export*", "Has*", "ManagedAliases")
"""Conditions of Copilot's template; a rendered stack has what they hold for, without them."""


def environment_findings(target: Target, environments: list[str]) -> list[Finding]:
    """What keeps the addon templates and the patches of environments from being deployed, each finding once; patches
    are tried in each of these environments."""
    from emulator.app.deployment import are_cdk, environment_addons, patches_in
    from emulator.compiler.patches import ENVIRONMENT

    workspace = target.workspace
    found: list[Finding] = []
    try:
        environment_addons(workspace)
    except FindingsError as error:
        found += error.findings
    except InputError as error:
        found.append(Finding(ADDON_CODE, error.message, error.position, hint=error.hint))
    folder = workspace.environment_overrides
    if are_cdk(folder):
        return [*found, unread_cdk(folder)]
    try:
        patches = patches_in(folder, ENVIRONMENT)
    except InputError as error:
        return [*found, Finding(PATCH_CODE, error.message, error.position, hint=error.hint)]
    for name in environments if patches and not found else ():
        if (environment := _compiled(target, name)) is not None:
            found += [it for it in _patch_findings(environment) if it not in found]
    return found


def pipeline_findings(workspace: Workspace) -> list[Finding]:
    """What keeps the patches of pipelines from being read. The stack that they change is Copilot's alone."""
    from emulator.app.deployment import are_cdk, patches_in
    from emulator.compiler.patches import PIPELINE

    found = []
    for folder in pipeline_overrides(workspace):
        if are_cdk(folder):
            found.append(unread_cdk(folder))
        try:
            patches_in(folder, PIPELINE)
        except InputError as error:
            found.append(Finding(PATCH_CODE, error.message, error.position, hint=error.hint))
    return found


def pipeline_overrides(workspace: Workspace) -> list[Path]:
    """The folders of overrides that pipelines have."""
    return sorted((workspace.root / "copilot" / "pipelines").glob("*/overrides"))


def _compiled(target: Target, name: str) -> Environment | None:
    """An environment with what those services need that compile; None where it has no manifest, or a wrong one, which
    is reported where manifests are checked."""
    from emulator.app.deployment import Deployment, deployment
    from emulator.app.environments import environment_of
    from emulator.app.selection import find_target
    from emulator.app.service_loader import ServiceLoader
    from emulator.compiler.environment.compile import needs_of
    from emulator.missing import Blockers
    from emulator.settings import load_settings

    selection = replace(target, environment=name).selection(any_manifest=True)
    try:
        here = find_target(selection)
        services, _ = ServiceLoader(selection, discard, False, Deployment(), None, Blockers()).all()
        where = deployment(load_settings(here.workspace.root), name, Deployment())
        return environment_of(here, where, needs_of(one.service for one in services), {}, discard, strict=False)
    except CopilotLocalError:
        return None


def _patch_findings(environment: Environment) -> Iterator[Finding]:
    """What is wrong with patches of the stack that takes the place of Copilot's."""
    own: list[TemplatePatch] = []
    kept: list[TemplatePatch] = []
    for patch in environment.patches:  # one may need those before it, as conditions do
        if changes_one_of(_COPILOTS_OWN, patch) or condition_of(_COPILOTS_CONDITIONS, patch):
            (own if _refused(environment, [*kept, patch]) else kept).append(patch)
    yield from (own_finding(patch, _COPILOTS_CONDITIONS) for patch in own)
    others = [patch for patch in environment.patches if patch not in own]
    without = _refused(environment, [])
    found = _refused(environment, others)
    if found is not None and (without is None or without.message != found.message):
        yield found


def _refused(environment: Environment, patches: list[TemplatePatch]) -> Finding | None:
    """What keeps the stack from being rendered with these patches, None where nothing does."""
    from emulator.render.cloudformation.environment.context import EnvironmentOptions
    from emulator.render.cloudformation.environment.stack import environment_document

    try:
        environment_document(replace(environment, patches=tuple(patches)), EnvironmentOptions(in_place=True))
    except (InputError, Unsupported) as error:
        return Finding(PATCH_CODE, error.message, error.position, hint=error.hint)
    return None
