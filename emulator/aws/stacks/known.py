"""What stacks give that is known before anything is made: their exports' names, and names of resources that are no more
than names here. Pure: for the command line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from emulator.aws.stacks.dynamic_references import NoStores
from emulator.aws.stacks.evaluator import Place, Stack, Template, World
from emulator.aws.stacks.placeholders import environment_exports
from emulator.aws.stacks.problems import Problem, StackError
from emulator.aws.stacks.providers.named import name_of
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import Secret
from emulator.ecs.addons.types import Kind, resource_type


@dataclass
class KnownOutputs:
    """Of the stacks of one environment. `made` are exports whose values are known once their stack is made."""

    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    """Stack to output to value, of those that need nothing made."""
    exports: dict[str, str] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)


def known_outputs(
    place: Place, app: str, environment: str, templates: Sequence[Template], made: Collection[str]
) -> KnownOutputs:
    """`made` names the stacks that are made here. What a template gets wrong is left out: it is an error where it is
    made."""
    given = environment_exports(app, environment)
    world = World(place, templates, lambda resource: _name(place, resource), NoStores(), given)
    found = KnownOutputs(exports=dict(given))
    for name, stack in world.stacks.items():
        values = _values(stack)
        found.outputs[name] = values
        for output, export in _exports(stack):
            if output in values:
                found.exports.setdefault(export, values[output])
            elif name in made:
                found.made.add(export)
    return found


def _values(stack: Stack) -> dict[str, str]:
    """The outputs that need nothing made."""
    found = {}
    for output in stack.section("Outputs"):
        with suppress(StackError):
            value = stack.output(output) if output in stack.output_names() else Secret()
            if not isinstance(value, Secret):
                found[output] = value
    return found


def _exports(stack: Stack) -> list[tuple[str, str]]:
    """Outputs with the names of their exports."""
    with suppress(StackError):
        return stack.export_names()
    return []


def _name(place: Place, resource: Resource) -> Made:
    if resource_type(resource.type).kind is not Kind.NAMED:
        raise Problem(f"{resource.type} is not made yet")
    return name_of(place, resource)
