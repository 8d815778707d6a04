"""What a stack was before a step: parameters, tags and role, as `aws cloudformation describe-stacks` prints them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from emulator.errors import InputError, Position

_DESCRIBE: Final = "`aws cloudformation describe-stacks --stack-name STACK --output json` prints it"
_HIDDEN: Final = "****"
"""What CloudFormation prints for a parameter with NoEcho."""


@dataclass(frozen=True, slots=True)
class Before:
    """A stack as it was: its name, its parameters and tags by their names, and the role that CloudFormation acted as
    (empty: none)."""

    stack: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    role: str


def read_before(text: str, file: str) -> Before:
    """Raises InputError where the text describes no stack, or more than one, or a parameter has no value in it."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        raise InputError("this is no JSON", position=Position(file, line), hint=_DESCRIBE) from None
    stacks = content.get("Stacks") if isinstance(content, dict) else None
    if not isinstance(stacks, list) or len(stacks) != 1 or not isinstance(stacks[0], dict):
        _refuse("it has no list Stacks with one stack", file)
    [stack] = stacks
    name, role = stack.get("StackName"), stack.get("RoleARN", "")
    if not isinstance(name, str) or not name or not isinstance(role, str):
        _refuse("the stack has no name, or RoleARN is no text", file)
    parameters = _pairs(stack, "Parameters", "ParameterKey", "ParameterValue", file)
    if hidden := [key for key, value in parameters.items() if value == _HIDDEN]:
        raise InputError(
            f"the value of {hidden[0]} is hidden (NoEcho), so the parameters before are not all here",
            position=Position(file, 1),
            hint=f"write it into the file in place of {_HIDDEN}, and keep the file to yourself",
        )
    return Before(name, parameters, _pairs(stack, "Tags", "Key", "Value", file), role)


def _pairs(stack: Mapping[str, object], section: str, key: str, value: str, file: str) -> dict[str, str]:
    found: dict[str, str] = {}
    items = stack.get(section, [])
    for item in items if isinstance(items, list) else [None]:
        one, other = (item.get(key), item.get(value)) if isinstance(item, dict) else (None, None)
        if not isinstance(one, str) or not isinstance(other, str):
            _refuse(f"{section} is no list of {key} and {value}", file)
        found[one] = other
    return found


def _refuse(what: str, file: str) -> NoReturn:
    raise InputError(f"this is no description of a stack: {what}", position=Position(file, 1), hint=_DESCRIBE)
