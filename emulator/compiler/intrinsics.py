"""CloudFormation's intrinsic functions, in their long form, as values of the ECS model."""

from __future__ import annotations

import re

from emulator.ecs.references import ImportReference, Join, PseudoReference, ResourceReference, Value
from emulator.errors import Position, Unsupported
from emulator.model import InvalidData, from_plain

_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")


def is_intrinsic(value: object) -> bool:
    """Whether a value is a map with one key that names an intrinsic function."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::"))


def to_value(value: object, position: Position | None) -> Value:
    """The value of an intrinsic function. Raises Unsupported for those that have no form in the model."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        [(name, argument)] = value.items()
        if name == "Ref" and isinstance(argument, str):
            return _reference(argument, position)
        if name == "Fn::GetAtt":
            parts = argument.split(".", 1) if isinstance(argument, str) else argument
            if isinstance(parts, list) and len(parts) == 2 and all(isinstance(part, str) for part in parts):
                return ResourceReference(name=parts[0], attribute=parts[1], position=position)
        if name == "Fn::ImportValue" and isinstance(argument, str):
            return ImportReference(name=argument, position=position)
        if name == "Fn::Sub" and isinstance(argument, str):
            return _substitution(argument, position)
        if name == "Fn::Join" and isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], list):
            return _joined(str(argument[0]), argument[1], position)
    raise Unsupported(
        f"a CloudFormation function cannot be taken over: {value}",
        position=position,
        hint="Ref, Fn::GetAtt, Fn::ImportValue, Fn::Join, and Fn::Sub with text alone can",
    )


def _reference(name: str, position: Position | None) -> Value:
    if name.startswith("AWS::"):
        try:
            return from_plain(PseudoReference, {"name": name, "position": position})
        except InvalidData:
            raise Unsupported(
                f"the pseudo parameter {name} cannot be taken over",
                position=position,
                hint="AWS::AccountId, AWS::Partition, AWS::Region and AWS::URLSuffix can",
            ) from None
    return ResourceReference(name=name, position=position)


def _substitution(text: str, position: Position | None) -> Value:
    parts: list[Value] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        parts.append(text[end : found.start()])
        name = found[2]
        if found[1]:
            parts.append(f"${{{name}}}")
        elif "." in name:
            resource, attribute = name.split(".", 1)
            parts.append(ResourceReference(name=resource, attribute=attribute, position=position))
        else:
            parts.append(_reference(name, position))
        end = found.end()
    parts.append(text[end:])
    return _tidy(parts, position)


def _joined(separator: str, items: list[object], position: Position | None) -> Value:
    parts: list[Value] = []
    for number, item in enumerate(items):
        if number:
            parts.append(separator)
        parts.append(to_value(item, position))
    return _tidy(parts, position)


def _tidy(parts: list[Value], position: Position | None) -> Value:
    """The parts without empty text; text alone where there is no reference."""
    if all(isinstance(part, str) for part in parts):
        return "".join(part for part in parts if isinstance(part, str))
    return Join(parts=tuple(part for part in parts if part != ""), position=position)
