"""What stacks give to services before anything is made: asks `emulator.aws.stacks.known`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emulator.ecs.references import AddonReference, ImportReference, Reference, references_in
from emulator.ecs.service import Service
from emulator.regions import partition
from emulator.runtime.specs.aws.known import Known
from emulator.runtime.specs.aws.stacks import environment_stack_name, stack_name, stacks_of
from emulator.runtime.state.desired import DesiredService
from emulator.settings import LocalOptions
from emulator.settings_services import AwsEndpoint


def known_to(
    services: Sequence[Service], values: Mapping[str, str], region: str, aws: AwsEndpoint = "local"
) -> dict[str, Known]:
    """By service, for those that name an export or an addon output. `values` are those of `[values]`."""
    options = LocalOptions(values=dict(values), region=region, aws=aws)
    named = {service.name: [one for one in _references(service) if one.name not in values] for service in services}
    if not any(named.values()):
        return {}
    from emulator.aws.stacks.evaluator import Place, Template
    from emulator.aws.stacks.known import known_outputs

    desired = [DesiredService(service=service, options=options) for service in services]
    made = {stack_name(one.service) for one in desired if one.needs_addons}
    if any(one.needs_environment_addons for one in desired):
        made.add(environment_stack_name(services[0]))
    place = Place(options.account, region, partition(region))
    templates = [
        Template(one["name"], one["template"], one["parameters"], one["positions"], one["values"])
        for one in stacks_of(desired)
    ]
    found = known_outputs(place, services[0].app, services[0].environment, templates, made)
    return {
        service.name: _known(named[service.name], found.outputs.get(stack_name(service), {}), found.exports, found.made)
        for service in services
    }


def _known(
    named: Sequence[AddonReference | ImportReference],
    outputs: Mapping[str, str],
    exports: Mapping[str, str],
    made: set[str],
) -> Known:
    known = ((one.name, outputs if isinstance(one, AddonReference) else exports) for one in named)
    values = {name: table[name] for name, table in known if name in table}
    imports = {one.name for one in named if isinstance(one, ImportReference) and one.name in made}
    return Known(values, tuple(sorted(imports - values.keys())))


def _references(service: Service) -> list[AddonReference | ImportReference]:
    """Everything of the containers and volumes that addons or exports give."""
    definition = service.task_definition
    values = [
        volume.efs_volume_configuration.file_system_id
        for volume in definition.volumes
        if volume.efs_volume_configuration is not None
    ]
    for container in definition.container_definitions:
        values += [pair.value for pair in container.environment]
        values += [secret.value_from for secret in container.secrets]
        logs = container.log_configuration
        values += [*logs.options.values(), *(one.value_from for one in logs.secret_options)] if logs else []
    references: list[Reference] = [found for value in values for found in references_in(value)]
    return [one for one in references if isinstance(one, AddonReference | ImportReference)]
