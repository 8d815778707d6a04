"""From an environment to its stack."""

from __future__ import annotations

from emulator.ecs.environment.model import Environment, ManagedVpc
from emulator.errors import InputError
from emulator.render.cloudformation.addons import AddonResources
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
from emulator.render.cloudformation.intrinsics import Sub, names_used
from emulator.render.cloudformation.template import Template
from emulator.render.cloudformation.writer import to_yaml

COPILOT_VERSION = "v1.34.1"
"""The last release of Copilot, which its commands look for in the template's metadata."""
_PARAMETERS = ("AppName", "EnvironmentName", *FEATURES, "ToolsAccountPrincipalARN", "AppDNSName")
_OTHER_PARAMETERS = ("AppDNSDelegationRole", "CreateHTTPSListener", "CreateInternalHTTPSListener")
_UNUSED_PARAMETER = "W2001"
_STATED_ZONES = "W3010"
_PORTS_OF_EVERY_PROTOCOL = "W3687"


def render_environment(environment: Environment, options: EnvironmentOptions) -> tuple[str, tuple[str, ...]]:
    """The stack's template as YAML, and the names of its parameters. Raises InputError with file and line where an
    addon does not fit, or an alias is in no zone of the application."""
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
    _check_references(context)
    return template.document()


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
    prefix = f"{environment.app}-{environment.name}-"

    def export(name: str) -> object | None:
        return exports.get(name.removeprefix(prefix)) if name.startswith(prefix) else None

    addons = AddonResources(
        template,
        environment.addons,
        {"App": environment.app, "Env": environment.name},
        {"AppName": environment.app, "EnvironmentName": environment.name},
        nested=context.options.nested_addons,
        export=export,
    )
    addons.add()
    if environment.addons is not None:
        addons.add_outputs()


def _check_references(context: Context) -> None:
    """Raises InputError for the first reference of an addon to something that the stack does not have."""
    template, addons = context.template, context.environment.addons
    known = {*template.parameters, *template.resources}
    for owner, resource in template.resources.items():
        for name, attribute in names_used([resource.properties, resource.other]):
            if name not in known and not name.startswith("AWS::"):
                wanted = f"{name}.{attribute}" if attribute else name
                position = addons.positions.get(f"Resources.{owner}") if addons else None
                raise InputError(
                    f"{owner} refers to {wanted}, which the environment's stack does not have",
                    position=position,
                    hint="a value in addons.parameters.yml refers to it; no service needs it, or it is a custom "
                    "resource of Copilot's",
                )
