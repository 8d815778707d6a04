"""The task definition as the tree of AWS::ECS::TaskDefinition's properties, which overrides and patches change.

Changes are applied one after the other, and only their result has to be a task definition: several of them may build
one object step by step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import get_args

from pydantic.alias_generators import to_camel

from emulator.compiler.intrinsics import is_intrinsic, to_value
from emulator.ecs.addons.model import TemplatePatch
from emulator.ecs.json_patch import is_index
from emulator.ecs.properties import Properties, api_name, properties, property_name, scalar_text
from emulator.ecs.task_definition import Shape, TaskDefinition
from emulator.errors import InputError, Position
from emulator.model import FieldError, InvalidData, Keys, from_plain

FREE = frozenset({"Options", "DockerLabels", "DriverOpts", "Labels"})
"""Maps whose keys are the user's."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change that was applied: how messages call it, the keys and indexes it wrote at, and where it stands."""

    label: str
    keys: Keys
    position: Position | None


@dataclass(slots=True)
class PropertyTree:
    """The properties of a task definition while changes are applied to them."""

    tree: Properties
    changes: list[Change] = field(default_factory=list)

    @classmethod
    def of(cls, definition: TaskDefinition) -> PropertyTree:
        """As Copilot's template has them: `Essential` is written only where a container is not essential."""
        tree = properties(definition)
        containers = tree["ContainerDefinitions"]
        for container in containers if isinstance(containers, list) else ():
            if container.get("Essential") is True:
                del container["Essential"]
        return cls(tree)

    def definition(self) -> TaskDefinition:
        """The changed task definition. Raises InputError at the line of the change to blame where it is none."""
        try:
            return from_plain(TaskDefinition, _model_input(self.tree))
        except InvalidData as error:
            problem = error.problems[0]
            change = self._to_blame(problem)
            raise InputError(
                f"{change.label} makes no valid task definition: {_named(problem)}",
                position=change.position,
                hint="the properties are those of AWS::ECS::TaskDefinition",
            ) from None

    def _to_blame(self, problem: FieldError) -> Change:
        """The last of the changes that came nearest to the place of a problem."""
        best = self.changes[-1]
        longest = -1
        for change in self.changes:
            common = 0
            for mine, other in zip(change.keys, problem.keys, strict=False):
                if api_name(str(mine)) != str(other):
                    break
                common += 1
            if common >= longest:
                best, longest = change, common
        return best


def _named(problem: FieldError) -> str:
    where = ".".join(property_name(str(key)) for key in problem.keys)
    return f"{where}: {problem.message}" if where else problem.message


def property_key(name: str) -> str:
    """CloudFormation's spelling of a property that was written in another case: `HealthCheck` for `healthCheck`."""
    return property_name(api_name(name))


def value_of(value: object, key: str, position: Position | None, names: Mapping[str, str]) -> object:
    """A value of a manifest or a patch as the tree has it: CloudFormation's functions as references, names of
    properties in CloudFormation's spelling. `key` is the property that it is for. Raises InputError for null, which no
    template may hold, and Unsupported for functions without a form in the model."""
    if value is None:
        raise InputError(
            f"{key or 'the value'} is null, which CloudFormation does not take in a template",
            position=position,
            hint="give a value, or take the property out with `op: remove` in overrides/cfn.patches.yml",
        )
    if is_intrinsic(value):
        return to_value(value, position, names)
    if isinstance(value, dict):
        free = key in FREE
        found: dict[str, object] = {}
        for name, item in value.items():
            spelled = str(name) if free else property_key(str(name))
            if spelled in found:
                raise InputError(f"{spelled} is given twice", position=position, hint="keep one of the two")
            found[spelled] = value_of(item, spelled, position, names)
        return found
    if isinstance(value, list):
        return [value_of(item, key, position, names) for item in value]
    return value


def patch_value(patch: TemplatePatch, names: Mapping[str, str]) -> object:
    """The value of a patch as the tree has it; None of one that removes. Raises as `value_of`."""
    if patch.op == "remove":
        return None
    key = next((step for step in reversed(patch.path) if not (is_index(step) or step == "-")), "")
    return value_of(patch.value, key, patch.position, names)


def _model_input(value: object, key: str = "", *, top: bool = True) -> object:
    """Properties as the model takes them: the API's names, and text where the API has text."""
    if isinstance(value, dict):
        if key in FREE:
            return {name: scalar_text(item) for name, item in value.items()}
        return {
            api_name(name): scalar_text(item)
            if top and name in ("Cpu", "Memory")
            else _model_input(item, name, top=False)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_model_input(item, key, top=False) for item in value]
    return value if key in _numbers_and_booleans() else scalar_text(value)


@cache
def _numbers_and_booleans() -> frozenset[str]:
    """The properties that the model has as numbers or booleans; in all others a scalar is text."""
    return frozenset(
        property_name(to_camel(attribute))
        for shape in Shape.__subclasses__()
        for attribute, field in shape.model_fields.items()
        if any(kind in (int, bool) for kind in (field.annotation, *get_args(field.annotation)))
    )
