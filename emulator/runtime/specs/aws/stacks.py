"""The addon stack of a service as the local AWS endpoint is asked for it, and what of it cannot be made here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from emulator.ecs.addons.model import Addons
from emulator.ecs.addons.types import REFUSED_HINT, Kind, ResourceType, resource_type
from emulator.errors import Unsupported
from emulator.events import Emit, Event, EventKind
from emulator.model import JsonValue

if TYPE_CHECKING:
    from emulator.ecs.service import Service
    from emulator.runtime.state.desired import DesiredService


_MACRO: Final = "Fn::Transform"
_READ: Final = ("AWS::Serverless-2016-10-31", "AWS::LanguageExtensions")
"""Transforms whose types and functions are known here; what of them is not is said by its own name."""


def stack_name(service: Service) -> str:
    """The name of a service's addon stack: CloudFormation's without its random part."""
    return f"{service.app}-{service.environment}-{service.name}-AddonsStack"


def environment_stack_name(service: Service) -> str:
    """The name of the addon stack of a service's environment."""
    return f"{service.app}-{service.environment}-AddonsStack"


def stacks_of(services: Sequence[DesiredService]) -> list[dict[str, Any]]:
    """The stacks of services as `emulator.aws.stacks.provision` is asked for them, that of their environment first."""
    first = next((one for one in services if one.service.environment_addons is not None), None)
    own = [_stack(one, one.service.addons) for one in services if one.service.addons is not None]
    if first is None or first.service.environment_addons is None:
        return own
    return [_stack(first, first.service.environment_addons, environment=True), *own]


def _stack(desired: DesiredService, addons: Addons, *, environment: bool = False) -> dict[str, Any]:
    service = desired.service
    given = {"App": service.app, "Env": service.environment} | ({} if environment else {"Name": service.name})
    return {
        "name": environment_stack_name(service) if environment else stack_name(service),
        "template": addons.sections,
        "parameters": {**addons.parameters, **given},
        "positions": {name: str(position) for name, position in addons.positions.items()},
        "values": dict(desired.options.values),
    }


def refuse_unmakeable(owner: str, addons: Addons, values: Mapping[str, str], emit: Emit) -> None:
    """Raises `Unsupported`, with file and line, for a resource of a type that nothing here stands for and that
    `[values]` gives nothing of; emits a warning for one that is a name here and no more, where the workload may miss
    what it does. `owner` is the service or environment whose addons they are."""
    given = {name.partition(".")[0] for name in values}
    _say_macros(owner, addons, emit)
    for logical_id, type in types_in(addons):
        found, position = resource_type(type), addons.positions.get(f"Resources.{logical_id}")
        if found.kind is Kind.REFUSED and logical_id not in given:
            raise Unsupported(
                f"{owner}: {logical_id} is a {type}, which does not run here",
                position=position,
                hint=REFUSED_HINT,
            )
        if found.kind is Kind.WARNED:
            where = f" ({position})" if position else ""
            emit(Event(EventKind.WARNING, owner, f"{logical_id} is {_text(found)}{where}"))


def _say_macros(owner: str, addons: Addons, emit: Emit) -> None:
    """Raises `Unsupported` for a macro that stands in place of resources; warns of one that is given the whole
    template. What they bring is known to CloudFormation alone."""
    macro = addons.section("Resources").get(_MACRO)
    if macro is not None:
        raise Unsupported(
            f"{owner}: {_name_of(macro)} brings resources that are not known here",
            position=addons.positions.get(f"Resources.{_MACRO}"),
            hint="write the resources into the template itself",
        )
    for transform in addons.transforms:
        if (name := _name_of(transform)) not in _READ:
            emit(Event(EventKind.WARNING, owner, f"the addons' transform {name} is not applied here"))


def _name_of(transform: JsonValue) -> str:
    return str(transform.get("Name", _MACRO)) if isinstance(transform, dict) else str(transform)


def types_in(addons: Addons) -> Iterator[tuple[str, str]]:
    """The logical id and the type of each resource."""
    for logical_id, resource in addons.section("Resources").items():
        type = resource.get("Type") if isinstance(resource, dict) else None
        if isinstance(type, str):
            yield logical_id, type


def _text(found: ResourceType) -> str:
    return f"{found.text[0].lower()}{found.text[1:]}".rstrip(".")
