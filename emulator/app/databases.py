"""Which databases addon templates describe, known before anything starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emulator.ecs.addons.types import REFUSED_HINT, Kind, resource_type
from emulator.errors import CopilotLocalError, InputError, Unsupported
from emulator.events import Emit, Event, EventKind
from emulator.runtime.specs.aws.endpoint import parse_position
from emulator.runtime.specs.databases.container import default_image
from emulator.runtime.state.database import DesiredDatabase
from emulator.settings import Settings

if TYPE_CHECKING:
    from emulator.aws.stacks.preview import DatabasePlan
    from emulator.aws.stacks.problems import StackError

Json = Mapping[str, Any]


def described_databases(request: Json, settings: Settings, emit: Emit) -> list[DesiredDatabase]:
    """The databases of the stacks in a request to the local AWS endpoint, each with the reference of its image.

    Raises `Unsupported` for an engine that does not run here, `InputError` for a template that is wrong, both with
    file and line. Emits a warning for what runs in another way than the template asks for.
    """
    stacks: Sequence[Json] = request.get("stacks", ())
    if not any(_has_database(stack["template"].get("Resources", {})) for stack in stacks):
        return []
    from emulator.aws.stacks.evaluator import Place, Template
    from emulator.aws.stacks.placeholders import environment_exports
    from emulator.aws.stacks.preview import preview

    templates = [
        Template(stack["name"], stack["template"], stack["parameters"], stack["positions"], stack["values"])
        for stack in stacks
    ]
    exports = {**environment_exports(request["app"], request["env"]), **settings.values}
    found = preview(Place(request["account"], request["region"], request["partition"]), templates, exports)
    if found.refused:
        raise _refusal(found.refused[0])
    for plan in found.databases:
        if plan.tls:
            what = f"{plan.logical_id} asks for TLS: here it answers without, and its URL is redis://"
            emit(Event(EventKind.WARNING, plan.logical_id, f"{what} ({plan.position})"))
    return [_desired(plan, settings) for plan in found.databases]


def _has_database(resources: Json) -> bool:
    types = [resource.get("Type") for resource in resources.values() if isinstance(resource, Mapping)]
    return any(resource_type(str(type)).kind is Kind.PROGRAM for type in types)


def _desired(plan: DatabasePlan, settings: Settings) -> DesiredDatabase:
    given = settings.backing.get(plan.engine) or settings.backing.get(plan.program)
    return DesiredDatabase(
        key=plan.key,
        program=plan.program,
        engine=plan.engine,
        version=plan.version,
        major=plan.major,
        identifier=plan.identifier,
        port=plan.port,
        position=plan.position,
        image=given or default_image(plan.program, plan.major),
    )


def _refusal(error: StackError) -> CopilotLocalError:
    kind = Unsupported if error.hint == REFUSED_HINT else InputError
    message = f"{error.stack}: {error.subject}: {error.message}"
    return kind(message, hint=error.hint, position=parse_position(error.position))
