"""Values of a template's parameters, by their types.

Source: CloudFormation User Guide, "Parameters" (types, AllowedValues, Systems Manager parameter types).
"""

from __future__ import annotations

import re

from emulator.aws.stacks.dynamic_references import ParameterReference, Stores
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.values import Secret, Value, as_list, is_true, same_kind, shown, text

_STORED = re.compile(r"AWS::SSM::Parameter::Value<(.+)>$")
_NUMBERS = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$")


def parameter_value(name: str, definition: dict[str, Value], given: Value, stores: Stores) -> Value:
    """What `Ref` of a parameter gives: text, or a list for the list types. `given` is None for the default."""
    value = definition.get("Default") if given is None else given
    if value is None:
        raise Problem(f"the parameter {name} has no value", "give it a Default, or a value in addons.parameters.yml")
    kind = text(definition.get("Type", "String"))
    _check_allowed(name, definition, value)
    stored = _STORED.match(kind)
    if stored:
        value, kind = stores.parameter(ParameterReference(text(value))), stored[1]
    hidden = is_true(definition.get("NoEcho"))
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        items = value if isinstance(value, list) else _items(text(value))
        return [Secret(text(item)) if hidden else item for item in items]
    whole = ",".join(text(item) for item in value) if isinstance(value, list) else text(value)
    if kind == "Number" and not _NUMBERS.match(whole):
        raise Problem(f"the parameter {name} is a Number, and {shown(whole)} is none", "give a number")
    return Secret(whole) if hidden else whole


def _items(whole: str) -> list[Value]:
    return [same_kind(whole, item.strip()) for item in whole.split(",")]


def _check_allowed(name: str, definition: dict[str, Value], value: Value) -> None:
    """Values are compared as texts: `Default: true` keeps to `AllowedValues: [true, false]` in any spelling of YAML."""
    allowed = [text(item) for item in as_list(definition.get("AllowedValues"), "AllowedValues")]
    if allowed and not isinstance(value, list) and text(value) not in allowed:
        raise Problem(
            f"the parameter {name} is {shown(text(value))}, which is none of {', '.join(allowed)}",
            "give one of these, or add it to AllowedValues",
        )
