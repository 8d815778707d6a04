"""`taskdef_overrides` and patches: values put at paths of the CloudFormation task definition.

Copilot applies the rules to the resource's properties after its own template. Here they apply to the ECS model, so
that what runs has them too. Source: Copilot, internal/pkg/template/override.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from emulator.compiler.context import Context
from emulator.compiler.intrinsics import is_intrinsic, to_value
from emulator.ecs.addons import TemplatePatch
from emulator.ecs.json_patch import apply_patch
from emulator.ecs.properties import Properties, api_name, properties
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import InputError, Position
from emulator.model import InvalidData, from_plain

_SEGMENT = re.compile(r"([a-zA-Z0-9_-]+)(?:\[(\d+|-)\])?")
_FREE = frozenset({"Options", "DockerLabels", "DriverOpts", "Labels"})
"""Maps whose keys are the user's."""
_NUMBERS = frozenset(
    [
        "ContainerPort",
        "HostPort",
        "Interval",
        "Timeout",
        "Retries",
        "StartPeriod",
        "StartTimeout",
        "StopTimeout",
        "SoftLimit",
        "HardLimit",
        "Size",
        "SharedMemorySize",
        "MaxSwap",
        "Swappiness",
        "SizeInGiB",
        "TransitEncryptionPort",
        "RestartAttemptPeriod",
        "IgnoredExitCodes",
        "MemoryReservation",
    ]
)
_BOOLEANS = frozenset(
    [
        "Essential",
        "Privileged",
        "ReadonlyRootFilesystem",
        "Interactive",
        "PseudoTerminal",
        "DisableNetworking",
        "ReadOnly",
        "Enabled",
        "InitProcessEnabled",
        "EnableFaultInjection",
        "Autoprovision",
        "ConfiguredAtLaunch",
    ]
)


def apply_overrides(context: Context, definition: TaskDefinition) -> TaskDefinition:
    """The task definition with the manifest's rules applied, in order. Raises InputError at the line of a rule that
    cannot be applied or whose result is no task definition."""
    for number, rule in enumerate(context.manifest.taskdef_overrides):
        position = context.position(f"taskdef_overrides[{number}]")
        tree = properties(definition)
        steps = _steps(rule.path, position)
        _put(tree, steps, _references(rule.value, position), rule.path, position)
        definition = _validated(tree, f"taskdef_overrides: {rule.path}", position)
    return definition


def apply_patches(definition: TaskDefinition, patches: Sequence[TemplatePatch]) -> TaskDefinition:
    """The task definition with patches of its properties applied, in order. Raises InputError at the line of a patch
    that cannot be applied or whose result is no task definition."""
    for patch in patches:
        tree = properties(definition)
        apply_patch(tree, patch, _references(patch.value, patch.position))
        definition = _validated(tree, "/" + "/".join(patch.path), patch.position)
    return definition


def _validated(tree: Properties, path: str, position: Position | None) -> TaskDefinition:
    try:
        return from_plain(TaskDefinition, _model_input(tree))
    except InvalidData as error:
        raise InputError(
            f"{path} makes no valid task definition: {error}",
            position=position,
            hint="the properties are those of AWS::ECS::TaskDefinition",
        ) from None


def _steps(path: str, position: Position | None) -> list[tuple[str, int | str | None]]:
    """A path's keys, each with the index that follows it: a number, `-` for a new item, or None."""
    steps: list[tuple[str, int | str | None]] = []
    for segment in path.split("."):
        found = _SEGMENT.fullmatch(segment)
        if found is None:
            raise InputError(
                f"taskdef_overrides: {path!r} is not a path",
                position=position,
                hint="write it like ContainerDefinitions[0].Ulimits[-].HardLimit",
            )
        index = found[2]
        steps.append((found[1], index if index in (None, "-") else int(index)))
    if path == "Family" or [key for key, _ in steps] == ["ContainerDefinitions", "Name"]:
        raise InputError(
            f'"{path}" cannot be overridden with a custom value', position=position, hint="remove the rule"
        )
    return steps


def _put(
    tree: Properties,
    steps: list[tuple[str, int | str | None]],
    value: object,
    path: str,
    position: Position | None,
) -> None:
    here = tree
    for number, (key, index) in enumerate(steps):
        last = number == len(steps) - 1
        if index is None:
            if last:
                here[key] = value
                return
            below = here.setdefault(key, {})
        else:
            items = here.setdefault(key, [])
            if not isinstance(items, list):
                raise _not_there(path, f"{key} is not a list", position)
            # Copilot lets any index make the first item of a list that is not there.
            at = len(items) if index == "-" or not items else int(index)
            if at > len(items) or (at == len(items) and index != "-" and items):
                message = f"cannot specify {key}[{index}] because the current length is {len(items)}"
                raise _not_there(path, message, position, "use [-] to append to the list")
            if at == len(items):
                items.append({})
            if last:
                items[at] = value
                return
            below = items[at]
        if not isinstance(below, dict):
            raise _not_there(path, f"{key} is not a map", position)
        here = below


def _not_there(path: str, message: str, position: Position | None, hint: str = "") -> InputError:
    return InputError(f"taskdef_overrides: {path}: {message}", position=position, hint=hint or "correct the path")


def _model_input(value: object, key: str = "", *, top: bool = True) -> object:
    """Properties as the model takes them: the API's names, and text where the API has text."""
    if isinstance(value, dict):
        if key in _FREE:
            return {name: _text(item) for name, item in value.items()}
        return {
            api_name(name): _text(item) if top and name in ("Cpu", "Memory") else _model_input(item, name, top=False)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_model_input(item, key, top=False) for item in value]
    return value if key in _NUMBERS or key in _BOOLEANS or key in ("Cpu", "Memory") else _text(value)


def _text(value: object) -> object:
    """A scalar as CloudFormation turns it into text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _references(value: object, position: Position | None) -> object:
    """A manifest's value with CloudFormation's intrinsic functions as references."""
    if is_intrinsic(value):
        return to_value(value, position)
    if isinstance(value, dict):
        return {key: _references(item, position) for key, item in value.items()}
    if isinstance(value, list):
        return [_references(item, position) for item in value]
    return value
