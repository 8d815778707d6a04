"""What references stand for on this machine."""

from __future__ import annotations

from collections.abc import Iterable

from emulator.ecs.messaging import queue_name
from emulator.ecs.references import (
    AddonReference,
    EnvFileReference,
    ImageReference,
    ImportReference,
    Join,
    ParameterReference,
    PseudoReference,
    Reference,
    ResourceReference,
    Value,
    references_in,
    value_name,
)
from emulator.errors import InputError
from emulator.frontdoor.balancers import balancer_of
from emulator.regions import dns_suffix, partition
from emulator.runtime.state.desired import DesiredService


def resolve(value: Value, desired: DesiredService) -> str:
    """The text a value stands for. Raises `InputError` naming the reference and its manifest line."""
    if isinstance(value, str):
        return value
    if isinstance(value, Join):
        return "".join(resolve(part, desired) for part in value.parts)
    found = _lookup(value, desired)
    if found is None:
        raise InputError(
            f"{_describe(value, placed=False)} has no value here",
            position=value.position,
            hint=f'give it one in copilot-local.toml: [values] "{value.name}" = "…"',
        )
    return found


def resolve_all(values: Iterable[Value], desired: DesiredService) -> list[str]:
    """Descriptions of the references that have no value here, each once."""
    return list(dict.fromkeys(_describe(reference) for reference in without_value(values, desired)))


def without_value(values: Iterable[Value], desired: DesiredService) -> list[Reference]:
    """The references that have no value here, in order."""
    references = (reference for value in values for reference in references_in(value))
    return [one for one in references if _lookup(one, desired) is None and not comes_from_stack(one, desired)]


def is_given_later(value: Value, desired: DesiredService) -> bool:
    """Whether a value is an output of addon templates, or an export, that is not among the values: not made yet, or
    secret."""
    return any(comes_from_stack(one, desired) and _lookup(one, desired) is None for one in references_in(value))


def comes_from_stack(reference: Reference, desired: DesiredService) -> bool:
    """Whether the local AWS endpoint will give it: an output of addon templates that are made there, or an export."""
    if isinstance(reference, ImportReference):
        return reference.name in desired.options.imports
    if not isinstance(reference, AddonReference) or not desired.needs_addons:
        return False
    addons = desired.service.addons
    return addons is not None and reference.name in addons.section("Outputs")


def missing_queues(value: Value, desired: DesiredService) -> list[str]:
    """The queues of the service itself that a value is about and that have no address here, by their names."""
    queues = {queue.resource for queue in desired.service.queues}
    references = (found for found in references_in(value) if isinstance(found, ResourceReference))
    names = [found.name for found in references if found.name in queues and not found.attribute]
    given = desired.options.values
    return [name for name in names if name not in given] if desired.options.aws == "none" else []


def _lookup(reference: Reference, desired: DesiredService) -> str | None:
    options = desired.options
    if isinstance(reference, PseudoReference):
        return {
            "AWS::AccountId": options.account,
            "AWS::Region": options.region,
            "AWS::Partition": partition(options.region),
            "AWS::URLSuffix": dns_suffix(options.region),
        }[reference.name]
    if isinstance(reference, ImageReference):
        return options.images.get(reference.name)
    if isinstance(reference, ResourceReference) and reference.name == "LogGroup" and not reference.attribute:
        return desired.service.log_group.name
    if isinstance(reference, Join):
        return resolve(reference, desired)
    found = options.values.get(value_name(reference), options.values.get(reference.name))
    if found is None and isinstance(reference, AddonReference | ImportReference):
        found = options.outputs.get(reference.name)
    if found is None and isinstance(reference, ResourceReference):
        found = _queue_value(reference, desired)
    return (
        balancer_of(desired.service).dns_name
        if found is None and value_name(reference) in _LOAD_BALANCER_NAMES
        else found
    )


def _queue_value(reference: ResourceReference, desired: DesiredService) -> str | None:
    """The URL of one of the service's queues at the local AWS endpoint, or its ARN."""
    service, options = desired.service, desired.options
    queue = next((one for one in service.queues if one.resource == reference.name), None)
    if queue is None or options.aws == "none":
        return None
    name = queue_name(service.app, service.environment, service.name, queue)
    values = {
        "": f"http://127.0.0.1:{options.aws_port}/{options.account}/{name}",
        "Arn": f"arn:{partition(options.region)}:sqs:{options.region}:{options.account}:{name}",
        "QueueName": name,
    }
    return values.get(reference.attribute)


_LOAD_BALANCER_NAMES = ("PublicLoadBalancer.DNSName", "InternalLoadBalancer.DNSName", "LoadBalancerDNSName")


def _describe(reference: Reference, *, placed: bool = True) -> str:
    if isinstance(reference, Join):
        return "a joined text"
    kind = {
        ImportReference: "the CloudFormation export",
        AddonReference: "the addon output",
        ResourceReference: "the deployed resource",
        ParameterReference: "the parameter",
        ImageReference: "the image of container",
        EnvFileReference: "the environment file",
        PseudoReference: "the pseudo parameter",
    }[type(reference)]
    where = f" ({reference.position})" if reference.position and placed else ""
    attribute = f".{reference.attribute}" if isinstance(reference, ResourceReference) and reference.attribute else ""
    name = reference.name if isinstance(reference, EnvFileReference) else f"{reference.name}{attribute}"
    return f"{kind} {name}{where}"
