"""`taskdef_overrides` and patches: values put at paths of the CloudFormation task definition.

Copilot applies the rules to the resource's properties after its own template. Here they apply to the ECS model, so
that what runs has them too. Source: Copilot, internal/pkg/template/override.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from emulator.compiler.context import Context
from emulator.compiler.patches import TASK_DEFINITION
from emulator.compiler.property_tree import FREE, Change, PropertyTree, patch_value, property_key, value_of
from emulator.ecs.addons.model import TemplatePatch
from emulator.ecs.json_patch import apply_patch, is_index
from emulator.ecs.properties import Properties
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import InputError, Position
from emulator.model import Keys

_SEGMENT = re.compile(r"([a-zA-Z0-9_-]+)(?:\[([0-9]{1,9}|-)\])?")
_BASE = "/" + "/".join(TASK_DEFINITION)
Step = tuple[str, int | str | None]
"""A key and the index that follows it: a number, `-` for a new item, or None."""


def apply_overrides(context: Context, definition: TaskDefinition) -> TaskDefinition:
    """The task definition with the manifest's rules applied, in order, and checked when all are. Raises InputError at
    the line of a rule that cannot be applied or that leads to no task definition."""
    rules = context.manifest.taskdef_overrides
    if not rules:
        return definition
    properties = PropertyTree.of(definition)
    for number, rule in enumerate(rules):
        position = context.position(f"taskdef_overrides[{number}]")
        steps = _steps(rule.path, position)
        value = value_of(rule.value, steps[-1][0], position, context.template_names)
        keys = _put(properties.tree, steps, value, rule.path, position)
        properties.changes.append(Change(f"taskdef_overrides: {rule.path}", keys, position))
    return properties.definition()


def apply_patches(context: Context, definition: TaskDefinition, patches: Sequence[TemplatePatch]) -> TaskDefinition:
    """The task definition with patches of its properties applied, in order, and checked when all are. Raises InputError
    at the line of a patch that cannot be applied or that leads to no task definition."""
    if not patches:
        return definition
    properties = PropertyTree.of(definition)
    for patch in patches:
        apply_patch(properties.tree, patch, patch_value(patch, context.template_names), base=_BASE)
        keys = tuple(int(step) if is_index(step) else step for step in patch.path)
        properties.changes.append(Change("/".join([_BASE, *patch.path]), keys, patch.position))
    return properties.definition()


def _steps(path: str, position: Position | None) -> list[Step]:
    """A path's keys in CloudFormation's spelling, each with its index."""
    steps: list[Step] = []
    free = False
    for segment in path.split("."):
        found = _SEGMENT.fullmatch(segment)
        if found is None:
            raise InputError(
                f"taskdef_overrides: {path!r} is not a path",
                position=position,
                hint="write it like ContainerDefinitions[0].Ulimits[-].HardLimit",
            )
        key = found[1] if free else property_key(found[1])
        free = free or key in FREE
        index = found[2]
        steps.append((key, index if index in (None, "-") else int(index)))
    name_of_container = len(steps) == 2 and steps[0][0] == "ContainerDefinitions" and steps[1][0] == "Name"
    if steps == [("Family", None)] or (name_of_container and steps[0][1] != "-"):
        raise InputError(
            f'"{path}" cannot be overridden with a custom value', position=position, hint="remove the rule"
        )
    return steps


def _put(tree: Properties, steps: list[Step], value: object, path: str, position: Position | None) -> Keys:
    """Puts a value at the end of a path, and makes what is missing on the way. Returns keys and indexes of the path,
    with the index that `-` stands for."""
    keys: list[str | int] = []
    here = tree
    for number, (key, index) in enumerate(steps):
        last = number == len(steps) - 1
        keys.append(key)
        if index is None:
            if last:
                here[key] = value
                return tuple(keys)
            below = here.setdefault(key, {})
        else:
            items, at = _item(here, key, index, path, position)
            keys.append(at)
            if last:
                items[at] = value
                return tuple(keys)
            below = items[at]
        if not isinstance(below, dict):
            raise _not_there(path, f"{key} is not a map", position)
        here = below
    raise AssertionError("a path has a step")


def _item(
    here: Properties, key: str, index: int | str, path: str, position: Position | None
) -> tuple[list[object], int]:
    """The list under a key and the place that an index means in it, made where it is new."""
    # Copilot lets any index make the first item of a list that is not there.
    items = here.get(key)
    if items is None:
        items = here[key] = []
        index = "-"
    if not isinstance(items, list):
        raise _not_there(path, f"{key} is not a list", position)
    at = len(items) if index == "-" else int(index)
    if index != "-" and at >= len(items):
        message = f"cannot specify {key}[{index}] because the current length is {len(items)}"
        raise _not_there(path, message, position, "use [-] to append to the list")
    if at == len(items):
        items.append({})
    return items, at


def _not_there(path: str, message: str, position: Position | None, hint: str = "") -> InputError:
    return InputError(f"taskdef_overrides: {path}: {message}", position=position, hint=hint or "correct the path")
