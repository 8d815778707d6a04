"""From a service to its stack."""

from __future__ import annotations

from emulator.ecs.service import Service
from emulator.errors import Position
from emulator.render.cloudformation.addons import addon_position, addons_of
from emulator.render.cloudformation.ecs_service import add_service
from emulator.render.cloudformation.foundations.copilot_environment import CopilotEnvironment
from emulator.render.cloudformation.foundations.foundation import Foundation
from emulator.render.cloudformation.foundations.own_vpc import OwnVpc
from emulator.render.cloudformation.job import add_job
from emulator.render.cloudformation.load_balancing import add_load_balancing
from emulator.render.cloudformation.messaging import add_queues, add_topics
from emulator.render.cloudformation.network_load_balancer import add_network_load_balancer
from emulator.render.cloudformation.options import StackOptions
from emulator.render.cloudformation.patching import apply_patches, check_references, patch_of, patch_that_names
from emulator.render.cloudformation.roles import add_roles
from emulator.render.cloudformation.scaling import add_scaling
from emulator.render.cloudformation.storage import add_access_point
from emulator.render.cloudformation.task_definition import add_task_definition
from emulator.render.cloudformation.template import Template
from emulator.render.cloudformation.values import Values, copilot_parameters
from emulator.render.cloudformation.writer import to_yaml
from emulator.render.proposals.express import add_express

_NOT_THERE = "refer to a resource or parameter of the rendered stack; Copilot's custom resources are not in it"


def render_stack(service: Service, options: StackOptions = StackOptions()) -> str:  # noqa: B008 - frozen
    """The stack's template as YAML. Raises what `stack_document` raises."""
    return render_template(service, options)[0]


def render_template(service: Service, options: StackOptions) -> tuple[str, tuple[str, ...]]:
    """The stack's template as YAML, and the names of its parameters. Raises what `stack_document` raises."""
    document = stack_document(service, options)
    where = "in the environment that Copilot made" if options.in_copilot_environment else "in a VPC and a cluster"
    source = f" Rendered from {_source(service.manifest)}." if service.manifest else ""
    header = f"{service.name} of {service.app}, environment {service.environment}, {where}.{source}"
    parameters = document.get("Parameters")
    return to_yaml(document, header=header), tuple(parameters) if isinstance(parameters, dict) else ()


def stack_document(service: Service, options: StackOptions = StackOptions()) -> dict[str, object]:  # noqa: B008
    """The stack's template as a tree, patches applied.

    Raises InputError with file and line where an override or an addon does not fit, or something refers to what the
    stack does not have.
    """
    template = Template(
        description=f"{service.name}, a {service.type} on Amazon ECS, in {service.app}-{service.environment}",
        defaults=options.defaults,
    )
    foundation: Foundation
    if options.in_copilot_environment:
        foundation = CopilotEnvironment(template, service, options)
    else:
        foundation = OwnVpc(template, service, options)
    addons = addons_of(template, service, options, foundation)
    values = Values(template, service, foundation, options.values, addons.output)
    foundation.prepare()
    add_task_definition(template, service, values)
    add_roles(template, service, values, options)
    add_access_point(template, service, foundation)
    if service.schedule is not None:
        add_job(template, service, service.schedule, foundation, values, options)
    elif options.express:
        add_express(template, service, foundation, values, options)
    else:
        waits_for = add_load_balancing(template, service, foundation)
        waits_for += add_network_load_balancer(template, service, foundation)
        add_service(template, service, foundation, values, waits_for)
        add_scaling(template, service, foundation)
    add_topics(template, service)
    add_queues(template, service)
    addons.add()
    addons.add_outputs(exported=True)
    template.retain(options.retain)
    document = template.document()
    apply_patches(document, service.template_patches, copilot_parameters(service))

    def position(name: str, owner: str) -> Position | None:
        known = values.positions.get(name) or patch_that_names(service.template_patches, name)
        return known or addon_position(service.addons, owner, name) or patch_of(service.template_patches, owner)

    check_references(document, position, hint=_NOT_THERE)
    return document


def _source(manifest: str) -> str:
    """The manifest's path from the folder `copilot` on, its name alone where it is in none."""
    parts = manifest.split("/")
    return "/".join(parts[parts.index("copilot") :] if "copilot" in parts else parts[-1:])


__all__ = ["StackOptions", "render_stack", "render_template", "stack_document"]
