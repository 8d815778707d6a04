"""What Copilot's stacks of an environment hold, and what would be lost with each: a report, made without AWS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from emulator.leave.kinds import DESTRUCTIVE, GUARDED

_ORDER = (
    "Keep everything as it is: services run on without Copilot. Nothing below has to be done at once.",
    "Protect the environment's stack (`leave protect`, `leave check`), and turn termination protection on.",
    "Take the environment over (`aws env deploy`, `leave check --phase takeover`).",
    "Take the services over one by one (`aws svc deploy --take-over`). For just one service protect its stack, instead "
    "of 1 and 2.",
    "Replace the pipelines (`render pipeline`): each build of theirs downloads Copilot.",
    "At last the application's own stacks, once images and secrets are elsewhere.",
)


_ORDER_ALONE = (
    "Back up what holds data.",
    "Protect the stack, and that of its addons (`leave protect`, `leave check`), and turn termination protection on.",
    "Take it over (`aws svc deploy --take-over`), with `retain = true` in copilot-local.toml.",
    "Look: `aws svc status`, the targets, a request. `leave back` is the way back.",
    "Take it out of Copilot's pipelines: name the others under `deployments` of each stage. `render pipeline` makes "
    "its own.",
    "Fence Copilot off: deny {stack}-EnvManagerRole changes of its stack, by the policy in "
    "docs/how-to/leaving-one-service.md.",
    "The environment stays Copilot's. Run no `copilot svc deploy` or `svc delete` of the service any more.",
)


@dataclass(frozen=True, slots=True)
class Holding:
    """One resource of a stack that is lost when the stack is deleted, or when an update leaves the resource out."""

    id: str
    type: str
    loss: str
    reason: str = ""
    """What in the manifests it is there for."""


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack of Copilot's: its name, what it is, and what it holds."""

    name: str
    what: str
    holdings: tuple[Holding, ...]
    notes: tuple[str, ...] = ()


def held(types: Mapping[str, str], reasons: Mapping[str, str]) -> Iterator[Holding]:
    """Those of a stack's resources, by logical id and type, that hold data or are known to others."""
    for id, type in types.items():
        if type in GUARDED:
            yield Holding(id, type, GUARDED[type], reasons.get(id, ""))


def custom(id: str, type: str, reason: str) -> Holding:
    """A custom resource of Copilot's that deletes something on its way out."""
    return Holding(id, type, DESTRUCTIVE[type], reason)


def reached_by(resources: Mapping[str, object], namespace: str) -> Iterator[str]:
    """By which names and rules callers reach a service: from the resources of its stack, functions in the long form."""
    for id, it in resources.items():
        properties = it.get("Properties") if isinstance(it, Mapping) else None
        if not isinstance(it, Mapping) or not isinstance(properties, Mapping):
            continue
        match it.get("Type"):
            case "AWS::ElasticLoadBalancingV2::ListenerRule":
                yield f"requests for {' and '.join(_conditions(properties)) or 'anything'} reach it by {id}"
            case "AWS::Route53::RecordSetGroup":
                names = [str(one["Name"]).rstrip(".") for one in _maps(properties.get("RecordSets"))]
                yield f"{', '.join(names)}: a DNS record, {id}"
            case "AWS::ServiceDiscovery::Service":
                yield f"tasks of the environment find it as {properties.get('Name')}.{namespace}, by {id}"
            case "AWS::ECS::Service":
                yield from _connected(properties.get("ServiceConnectConfiguration"))


def imported(node: object) -> Iterator[str]:
    """The names of exports that a part of a template imports, functions in the long form; the same one may come again.
    A name that is made by another function is left out."""
    if isinstance(node, Mapping):
        name = node.get("Fn::ImportValue")
        if isinstance(name, str):
            yield name
        for it in node.values():
            yield from imported(it)
    elif isinstance(node, list):
        for it in node:
            yield from imported(it)


def _conditions(properties: Mapping[str, object]) -> Iterator[str]:
    for one in _maps(properties.get("Conditions")):
        for key, config in one.items():
            values = config.get("Values") if isinstance(config, Mapping) else None
            if key != "Field":
                texts = [it if isinstance(it, str) else "the load balancer's name" for it in values or ()]
                yield f"{str(one.get('Field')).partition('-')[0]} {', '.join(texts)}".strip()


def _connected(configuration: object) -> Iterator[str]:
    services = configuration.get("Services") if isinstance(configuration, Mapping) else None
    for one in _maps(services):
        for alias in _maps(one.get("ClientAliases")):
            yield f"services with Service Connect find it as {alias.get('DnsName')}:{alias.get('Port')}"


def _maps(value: object) -> list[Mapping[str, object]]:
    return [it for it in value if isinstance(it, Mapping)] if isinstance(value, list) else []


def lines(app: str, environment: str, stacks: Iterable[Stack], alone: Sequence[str] = ()) -> Iterator[str]:
    """The report as text. `alone`: the only services that are to leave."""
    yield f"Leaving Copilot: {app}, environment {environment}"
    yield ""
    yield "Lost with a stack, unless its resources have `DeletionPolicy: Retain`:"
    for stack in stacks:
        yield ""
        yield f"{stack.name}: {stack.what}"
        for one in stack.holdings:
            reason = f" [{one.reason}]" if one.reason else ""
            yield f"  {one.id} ({one.type}): {one.loss}{reason}"
        for note in stack.notes:
            yield f"  - {note}"
    yield ""
    yield "In this order:"
    for number, step in enumerate(_ORDER_ALONE if alone else _ORDER):
        yield f"  {number}. {step.format(stack=f'{app}-{environment}')}"
