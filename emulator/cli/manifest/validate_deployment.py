"""What `validate` finds beyond one manifest: whether overrides, patches and addons fit it, and what ECS would refuse of
the task definition that they lead to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.app.compile import (
    ADDON_CODE,
    OVERRIDE_CODE,
    PATCH_CODE,
    REGISTRATION_CODE,
    TWICE_CODE,
    deployment_of,
    load_manifest,
    patches_not_here,
    registration_findings,
)
from emulator.app.selection import Target
from emulator.ecs.addons.references import conditions_in
from emulator.errors import CopilotLocalError, Finding, FindingsError, InputError, Severity, Unsupported

if TYPE_CHECKING:
    from emulator.app.deployment import Deployment
    from emulator.compiler.context import Surroundings
    from emulator.ecs.addons.model import TemplatePatch
    from emulator.ecs.service import Service
    from emulator.manifest import Checked, LoadedManifest

_COPILOTS_OWN = (
    "EnvController*",
    "RulePriority*",
    "*PriorityAction",
    "DynamicDesiredCount*",
    "BacklogPerTask*",
    "PermissionToInvokeBacklogPerTaskCalculatorLambda",
    "NLBCertValidator*",
    "NLBCustomDomain*",
    "AutoScalingRole",
    "AddonsStack",
)
"""Resources of Copilot's template that the rendered stack has no counterpart of, or not always."""
_COPILOTS_CONDITIONS = (
    "ExposePort",
    "HasAddons",
    "HasAssociatedDomain",
    "HasEnvFile*",
    "HasLoggingEnvFile",
    "IsGovCloud",
)
"""Conditions of Copilot's template; the rendered stack has none of them."""


def deployment_findings(target: Target, name: str, environment: str) -> list[Finding]:
    """What is wrong with the overrides, patches and addons of a service in an environment, and what ECS refuses of its
    task definition that it would not refuse without them. Nothing where the manifest itself has errors."""
    here = replace(target, environment=environment)
    try:
        manifest = load_manifest(here, name)
        where = deployment_of(here)
    except CopilotLocalError:
        return []  # reported where manifests are checked
    return list(_findings(here, name, manifest, where))


def grouped(findings: Iterable[Finding], silenced: Collection[str]) -> list[Checked]:
    """Findings by the file that they are about, as files that were checked; without those of `silenced` codes."""
    from emulator.manifest import Checked

    files: dict[str, list[Finding]] = {}
    for finding in (it for it in findings if it.code not in silenced):
        files.setdefault(finding.position.file if finding.position else "", []).append(finding)
    return [Checked(Path(file), "", found, []) for file, found in files.items()]


def _findings(target: Target, name: str, manifest: LoadedManifest, where: Deployment) -> Iterator[Finding]:
    from emulator.app.app_mesh import patched_in
    from emulator.app.compile import compiled
    from emulator.app.deployment import cdk_overrides
    from emulator.app.findings.of_addons import absent_outputs

    if (folder := cdk_overrides(target.workspace, name)) is not None:
        yield unread_cdk(folder)
    try:
        service, around = compiled(target, name, manifest, where, here=True, https=None)
    except FindingsError as error:
        yield from error.findings
        return
    except (InputError, Unsupported) as error:
        yield _finding(error, manifest)
        return
    yield from patched_in(service, around)
    yield from patches_not_here(target, service)
    yield from _rule_findings(service)
    yield from _given_twice(manifest, around)
    yield from absent_outputs(service)
    changed = manifest.manifest.taskdef_overrides or around.patches or around.addon_template is not None
    before = {finding.message for finding in _without_changes(target, manifest, around)} if changed else set()
    if changed:
        for finding in registration_findings(service, manifest, around):
            if finding.message not in before:
                yield finding
    yield from _template_findings(target, name, manifest, where)


def _given_twice(manifest: LoadedManifest, around: Surroundings) -> Iterator[Finding]:
    """Variables that a container would get twice, since an output of an addon becomes one of the name."""
    from emulator.compiler.values import snake_case

    made: dict[str, str] = {}
    positions = around.addon_template.positions if around.addon_template is not None else {}
    for output in sorted(around.addons.variables):
        name = snake_case(output)
        if name in made:
            message = f"the outputs {made[name]} and {output} both become the variable {name}"
            position = positions.get(f"Outputs.{output}")
            yield Finding(TWICE_CODE, message, position, hint="rename one of them", copilot_accepts=True)
        made.setdefault(name, output)
    workload = manifest.manifest
    blocks = {"variables": workload.variables, "logging.variables": workload.logging.variables}
    blocks |= {f"sidecars.{name}.variables": sidecar.variables for name, sidecar in workload.sidecars.items()}
    for path, name in ((f"{path}.{name}", name) for path, variables in blocks.items() for name in variables):
        if name in made:
            message = f"the addons' output {made[name]} becomes {name} too; the container would get it twice"
            position = manifest.position(path)
            yield Finding(TWICE_CODE, message, position, path, hint="rename one of the two", copilot_accepts=True)


def _rule_findings(service: Service) -> Iterator[Finding]:
    """What a load balancer refuses of the rules that patches make. The manifest's own findings have the rest."""
    from emulator.frontdoor.routing.checks import check_rules

    written = {position for rule in service.listener_rules for position in rule.patches.values()}
    try:
        check_rules([service] if written else [])
    except FindingsError as error:
        found = [finding for finding in error.findings if finding.position in written]
        yield from {(finding.position, finding.message): finding for finding in found}.values()


def _without_changes(target: Target, manifest: LoadedManifest, around: Surroundings) -> list[Finding]:
    """What ECS refuses before overrides, patches and addons: the manifest's own findings have it already."""
    from emulator.compiler import compile_service
    from emulator.compiler.context import AddonOutputs

    plain = manifest.manifest.model_copy(update={"taskdef_overrides": []})
    bare = replace(around, patches=(), addons=AddonOutputs(), addon_template=None)
    try:
        service = compile_service(
            plain, app=target.app, environment=target.environment, position=manifest.position, surroundings=bare
        )
    except (InputError, Unsupported):
        return []
    return registration_findings(service, manifest, bare)


def _template_findings(target: Target, name: str, manifest: LoadedManifest, where: Deployment) -> Iterator[Finding]:
    """Patches of everything but the task definition, applied to the stack that takes the place of Copilot's."""
    from emulator.app.compile import compiled

    last: Finding | None = None
    for https in (None, True):  # what only a load balancer with HTTPS has is there in the second stack
        service, _ = compiled(target, name, manifest, where, here=True, https=https)
        own = _without_a_place(service, manifest)
        if https is None:
            yield from (own_finding(patch, _COPILOTS_CONDITIONS) for patch in own)
        others = [patch for patch in service.template_patches if patch not in own]
        last = _rendered(_with_patches(service, others), manifest)
        if last is None:
            return
    if last is not None:
        yield last


def unread_cdk(folder: Path) -> Finding:
    """What is said of overrides that are programs in the AWS CDK."""
    message = f"what the AWS CDK changes in {folder} is not read: it is a program"
    return Finding(PATCH_CODE, message, None, hint="check the deployed stack", severity=Severity.WARNING)


def _without_a_place(service: Service, manifest: LoadedManifest) -> list[TemplatePatch]:
    """The patches that a rendered stack has no place for. One may need those before it, as conditions do."""
    kept: list[TemplatePatch] = []
    own: list[TemplatePatch] = []
    for patch in service.template_patches:
        if changes_one_of(_COPILOTS_OWN, patch) or condition_of(_COPILOTS_CONDITIONS, patch):
            fits = _rendered(_with_patches(service, [*kept, patch]), manifest) is None
            (kept if fits else own).append(patch)
    return own


def _with_patches(service: Service, patches: list[TemplatePatch]) -> Service:
    return service.model_copy(update={"template_patches": patches})


def _rendered(service: Service, manifest: LoadedManifest) -> Finding | None:
    """The first thing that keeps the stack from being rendered, None where nothing does."""
    from emulator.render.cloudformation.options import StackOptions
    from emulator.render.cloudformation.stack import stack_document

    try:
        stack_document(service, StackOptions(in_copilot_environment=True))
    except (InputError, Unsupported) as error:
        return _finding(error, manifest)
    return None


def condition_of(patterns: Iterable[str], patch: TemplatePatch) -> str:
    """The condition of such a name that a patch's value names; empty where there is none."""
    patterns = list(patterns)
    named = (name for name in conditions_in(patch.value) if any(fnmatchcase(name, pattern) for pattern in patterns))
    return next(named, "")


def own_finding(patch: TemplatePatch, conditions: Iterable[str]) -> Finding:
    """What is said of a patch that a rendered stack has no place for."""
    what = f"/{'/'.join(patch.path)} is of Copilot's own resources"
    if condition := condition_of(conditions, patch):
        what = f"/{'/'.join(patch.path)} names the condition {condition} of Copilot's own template"
    message = f"{what}, which a rendered stack does not have"
    hint = "`render` refuses such a patch"
    return Finding(PATCH_CODE, message, patch.position, severity=Severity.WARNING, hint=hint)


def changes_one_of(patterns: Iterable[str], patch: TemplatePatch) -> bool:
    """Whether a patch changes a resource of such a name, or a section that is all Copilot's own."""
    if patch.path[:1] in (["Parameters"], ["Conditions"], ["Metadata"]):
        return True
    return (
        patch.path[:1] == ["Resources"]
        and len(patch.path) > 1
        and any(fnmatchcase(patch.path[1], pattern) for pattern in patterns)
    )


def _finding(error: CopilotLocalError, manifest: LoadedManifest) -> Finding:
    """An error of the compiler or the renderer as a finding; the code is that of the file it is about."""
    file = error.position.file if error.position else ""
    code = ADDON_CODE if "/addons/" in file else PATCH_CODE if "/overrides/" in file else OVERRIDE_CODE
    if code == OVERRIDE_CODE and "taskdef_overrides" not in error.message and file == str(manifest.path):
        code = REGISTRATION_CODE
    return Finding(code, error.message, error.position, hint=error.hint)
