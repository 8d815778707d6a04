"""Values of a template's parameters, by their types, and what the template allows.

Source: CloudFormation User Guide, "Parameters" (types, constraints, Systems Manager parameter types) and "Using regular
expressions in CloudFormation templates".
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable

from emulator.aws.stacks.dynamic_references import ParameterReference, Stores
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.values import Secret, Value, as_list, is_true, same_kind, shown, text

Warn = Callable[[str], None]
_STORED = re.compile(r"AWS::SSM::Parameter::Value<(.+)>$")
_NUMBERS = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$")
_COMMAS = "CommaDelimitedList"


def parameter_value(
    name: str, definition: dict[str, Value], given: Value, stores: Stores, warn: Warn, *, guessed: bool = False
) -> Value:
    """What `Ref` of a parameter gives: text, or a list for the list types. `given` is None for the default.

    A value that is only `guessed` stands for one that a deployed stack gives: it is not held against the constraints.
    """
    value = definition.get("Default") if given is None else given
    if value is None:
        raise Problem(f"the parameter {name} has no value", "give it a Default, or a value in addons.parameters.yml")
    kind = text(definition.get("Type", "String"))
    if not guessed:
        _check(name, definition, kind, value, warn)
    stored = _STORED.match(kind)
    if stored:
        value, kind = stores.parameter(ParameterReference(text(value))), stored[1]
    hidden = is_true(definition.get("NoEcho"))
    if _is_list(kind):
        return [Secret(text(item)) if hidden else item for item in _items(value)]
    whole = _whole(value)
    if kind == "Number" and not _NUMBERS.match(whole):
        raise Problem(f"the parameter {name} is a Number, and {shown(whole)} is none", "give a number")
    return Secret(whole) if hidden else whole


def _is_list(kind: str) -> bool:
    return kind == _COMMAS or kind.startswith("List<")


def _items(value: Value) -> list[Value]:
    if isinstance(value, list):
        return value
    whole = text(value)
    return [same_kind(whole, item.strip()) for item in whole.split(",")]


def _whole(value: Value) -> str:
    return ",".join(text(item) for item in value) if isinstance(value, list) else text(value)


def _check(name: str, definition: dict[str, Value], kind: str, value: Value, warn: Warn) -> None:
    """Raises Problem for a value, or an item of a list, that the template does not allow."""
    for item in [text(item) for item in _items(value)] if _is_list(kind) else [_whole(value)]:
        problem = _unlisted(definition, item)
        if kind in ("String", _COMMAS):
            problem = problem or _unmatched(name, definition, item, warn)
        if kind == "String":
            problem = problem or _outside(definition, len(item), ("MinLength", "MaxLength"), "characters")
        if kind == "Number" and _NUMBERS.match(item):
            problem = problem or _outside(definition, float(item), ("MinValue", "MaxValue"))
        if problem:
            seen = "" if is_true(definition.get("NoEcho")) else f" is {shown(item)}, which"
            description = text(definition.get("ConstraintDescription") or "")
            hint = f"the template says: {description}" if description else "give another value, or correct the template"
            raise Problem(f"the parameter {name}{seen} {problem}", hint)


def _unlisted(definition: dict[str, Value], item: str) -> str:
    """Values are compared as texts: `Default: true` keeps to `AllowedValues: [true, false]` in any spelling of YAML."""
    allowed = [text(one) for one in as_list(definition.get("AllowedValues"), "AllowedValues")]
    return f"is none of {', '.join(allowed)}" if allowed and item not in allowed else ""


def _unmatched(name: str, definition: dict[str, Value], item: str, warn: Warn) -> str:
    """The pattern is one of Java's, has to match the whole value, and knows ASCII's digits and letters alone."""
    if "AllowedPattern" not in definition:
        return ""
    pattern = text(definition["AllowedPattern"])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of what has another meaning in Java, such as a class within a class
            matches = re.compile(pattern, re.ASCII).fullmatch(item)
    except (re.error, FutureWarning):
        warn(f"AllowedPattern of the parameter {name} is not checked here: only Java reads {pattern}")
        return ""
    return "" if matches else f"does not match {pattern}"


def _outside(definition: dict[str, Value], size: float, names: tuple[str, str], unit: str = "") -> str:
    least, most = (_limit(definition, name) for name in names)
    if least is not None and size < least:
        return f"has fewer than {least:g} {unit}" if unit else f"is less than {least:g}"
    if most is not None and size > most:
        return f"has more than {most:g} {unit}" if unit else f"is more than {most:g}"
    return ""


def _limit(definition: dict[str, Value], name: str) -> float | None:
    if name not in definition:
        return None
    limit = text(definition[name])
    if not _NUMBERS.match(limit):
        raise Problem(f"{name} is {shown(limit)}, which is no number", "give a number")
    return float(limit)
