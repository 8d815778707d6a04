"""From an environment to its stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from emulator.ecs.addons.model import TemplatePatch
from emulator.ecs.environment.model import Environment, ManagedVpc
from emulator.errors import Position
from emulator.render.cloudformation.addons import AddonResources, addon_position
from emulator.render.cloudformation.environment.context import Context, EnvironmentOptions
from emulator.render.cloudformation.environment.load_balancers import add_internal_balancer, add_public_balancer
from emulator.render.cloudformation.environment.names import add_names, add_private_zone
from emulator.render.cloudformation.environment.network import (
    add_cluster,
    add_environment_group,
    add_flow_logs,
    add_vpc,
)
from emulator.render.cloudformation.environment.others import add_cdn, add_file_system, add_log_policy
from emulator.render.cloudformation.environment.outputs import FEATURES, add_outputs
from emulator.render.cloudformation.intrinsics import Sub
from emulator.render.cloudformation.patching import apply_patches, check_references, patch_of, patch_that_names
from emulator.render.cloudformation.template import Template
from emulator.render.cloudformation.writer import to_yaml

COPILOT_VERSION = "v1.34.1"
"""The last release of Copilot, which its commands look for in the template's metadata."""
_ALL = ("everything",)
_NOT_THERE = (
    "a value in addons.parameters.yml or a patch refers to it; no service needs it, or it is a custom resource of "
    "Copilot's"
)
_PARAMETERS = ("AppName", "EnvironmentName", *FEATURES, "ToolsAccountPrincipalARN", "AppDNSName")
_OTHER_PARAMETERS = ("AppDNSDelegationRole", "CreateHTTPSListener", "CreateInternalHTTPSListener")
_UNUSED_PARAMETER = "W2001"
_STATED_ZONES = "W3010"
_PORTS_OF_EVERY_PROTOCOL = "W3687"


def render_environment(environment: Environment, options: EnvironmentOptions) -> tuple[str, tuple[str, ...]]:
    """The stack's template as YAML, and the names of its parameters. Raises InputError with file and line where an
    addon or a patch does not fit, or an alias is in no zone of the application."""
    document = environment_document(environment, options)
    what = "in place of Copilot's template in the stack that it made" if options.in_place else "for a new stack"
    source = f" Rendered from {environment.path}." if environment.path else ""
    header = f"Environment {environment.name} of {environment.app}, {what}.{source}"
    parameters = document.get("Parameters")
    return to_yaml(document, header=header), tuple(parameters) if isinstance(parameters, dict) else ()


def environment_document(environment: Environment, options: EnvironmentOptions) -> dict[str, object]:
    """The stack's template as a tree. Raises what `render_environment` raises."""
    template = Template(
        description=f"What the services of {environment.app}-{environment.name} share", defaults=options.defaults
    )
    context = Context(template, environment, options)
    if options.in_place:
        _as_copilots(context)
    _add_lint_settings(context)
    add_vpc(context)
    add_cluster(context)
    add_environment_group(context)
    add_public_balancer(context)
    add_internal_balancer(context)
    add_names(context)
    add_private_zone(context)
    add_file_system(context)
    add_cdn(context)
    add_flow_logs(context)
    add_log_policy(context)
    add_outputs(context)
    _add_addons(context)
    document = template.document()
    _patch(document, context)
    _check_references(document, environment)
    return document


def _as_copilots(context: Context) -> None:
    """Keeps the parameters of Copilot's template, which services that Copilot deployed change when they come and go,
    and what its commands read. Nothing in the template depends on the lists of workloads any more."""
    described = "A parameter of Copilot's template, which keeps its value."
    for name in (*_PARAMETERS, *_OTHER_PARAMETERS, "ServiceDiscoveryEndpoint"):
        context.template.parameter(name, described)
    context.template.sections["Metadata"] = {
        "Version": COPILOT_VERSION,
        "Manifest": context.environment.source,
    }


def _add_lint_settings(context: Context) -> None:
    """Keeps cfn-lint from reporting what the manifest or Copilot's parameters ask for."""
    environment = context.environment
    rules = (*environment.ingress, *environment.egress)
    found = [_UNUSED_PARAMETER] if context.options.in_place else []
    if isinstance(environment.vpc, ManagedVpc) and environment.vpc.zones:
        found.append(_STATED_ZONES)
    if any(rule.protocol == "-1" for rule in rules):
        found.append(_PORTS_OF_EVERY_PROTOCOL)
    if found:
        metadata = context.template.sections.get("Metadata")
        own = metadata if isinstance(metadata, dict) else {}
        context.template.sections["Metadata"] = {**own, "cfn-lint": {"config": {"ignore_checks": found}}}


def _add_addons(context: Context) -> None:
    environment, template = context.environment, context.template
    exports = {
        it.export.text.removeprefix("${AWS::StackName}-"): it.value
        for it in template.outputs.values()
        if isinstance(it.export, Sub)
    }
    addons = AddonResources(
        template,
        environment.addons,
        {"App": environment.app, "Env": environment.name},
        {"AppName": environment.app, "EnvironmentName": environment.name},
        nested=context.options.nested_addons,
        export=exports.get,
    )
    addons.add()
    if environment.addons is not None:
        addons.add_outputs()


def _patch(document: dict[str, object], context: Context) -> None:
    """Applies the patches, but for those of resources that this environment has no need of."""
    environment = context.environment
    unneeded = unneeded_patches(environment, context.options, document)
    left = [patch for patch in environment.patches if not any(patch is one for one in unneeded)]
    # In place, Copilot's parameters are parameters of this template too.
    names = {} if context.options.in_place else {"AppName": environment.app, "EnvironmentName": environment.name}
    apply_patches(document, left, names)


def unneeded_patches(
    environment: Environment, options: EnvironmentOptions, document: dict[str, object] | None = None
) -> list[TemplatePatch]:
    """The patches of resources that only other needs would bring, in the environment's order. Copilot's template has
    such a resource always, with a condition; and all environments have the same patches."""
    if not environment.patches:
        return []
    bare = replace(environment, patches=())
    there = _resources(environment_document(bare, options) if document is None else document)
    everything = replace(
        bare,
        needs=replace(environment.needs, public_balancer=_ALL, internal_balancer=_ALL, file_system=_ALL, nat=_ALL),
        public=replace(environment.public, certificates=environment.public.certificates or _ALL),
        internal=replace(environment.internal, certificates=environment.internal.certificates or _ALL),
    )
    possible = _resources(environment_document(everything, options)) - there
    return [patch for patch in environment.patches if patch.path[:1] == ["Resources"] and patch.path[1] in possible]


def _resources(document: Mapping[str, object]) -> frozenset[str]:
    found = document["Resources"]
    assert isinstance(found, dict)
    return frozenset(found)


def _check_references(document: dict[str, object], environment: Environment) -> None:
    """Raises InputError for the first reference of an addon or a patch to something that the stack does not have."""
    addons = environment.addons

    def position(name: str, owner: str) -> Position | None:
        found = patch_that_names(environment.patches, name) or addon_position(addons, owner, name)
        return found or patch_of(environment.patches, owner)

    check_references(document, position, stack="the environment's stack", hint=_NOT_THERE)
