"""The addon stack of a service as the local AWS endpoint is asked for it, and what of it cannot be made here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.ecs.addons.model import Addons
from emulator.ecs.addons.types import REFUSED_HINT, Kind, ResourceType, resource_type
from emulator.errors import Unsupported
from emulator.events import Emit, Event, EventKind

if TYPE_CHECKING:
    from emulator.ecs.service import Service
    from emulator.runtime.state.desired import DesiredService


def stack_name(service: Service) -> str:
    """The name of a service's addon stack: CloudFormation's without its random part."""
    return f"{service.app}-{service.environment}-{service.name}-AddonsStack"


def stack_of(desired: DesiredService) -> dict[str, Any]:
    """The stack as `emulator.aws.stacks.provision` is asked for it."""
    service = desired.service
    addons = service.addons
    assert addons is not None
    given = {"App": service.app, "Env": service.environment, "Name": service.name}
    return {
        "name": stack_name(service),
        "template": addons.sections,
        "parameters": {**addons.parameters, **given},
        "positions": {name: str(position) for name, position in addons.positions.items()},
        "values": dict(desired.options.values),
    }


def refuse_unmakeable(service: Service, emit: Emit) -> None:
    """Raises `Unsupported`, with file and line, for a resource of a type that nothing here stands for; emits a warning
    for one that is a name here and no more, where the workload may miss what it does."""
    addons = service.addons
    for logical_id, type in types_in(addons) if addons is not None else ():
        found, position = resource_type(type), addons.positions.get(f"Resources.{logical_id}") if addons else None
        if found.kind in (Kind.REFUSED, Kind.PROGRAM):
            raise Unsupported(
                f"{service.name}: {logical_id} is a {type}, which does not run here",
                position=position,
                hint=REFUSED_HINT,
            )
        if found.kind is Kind.WARNED:
            where = f" ({position})" if position else ""
            emit(Event(EventKind.WARNING, service.name, f"{logical_id} is {_text(found)}{where}"))


def types_in(addons: Addons) -> Iterator[tuple[str, str]]:
    """The logical id and the type of each resource."""
    for logical_id, resource in addons.section("Resources").items():
        type = resource.get("Type") if isinstance(resource, dict) else None
        if isinstance(type, str):
            yield logical_id, type


def _text(found: ResourceType) -> str:
    return f"{found.text[0].lower()}{found.text[1:]}".rstrip(".")
