"""CloudFormation's intrinsic functions in their long form, over a scope that knows the names. Pure.

Source: CloudFormation User Guide, "Intrinsic function reference".
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable
from typing import Protocol

from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.values import ABSENT, Value, as_list, is_true, joined, same_kind, shown, text

_BLANK = re.compile(r"\$\{(!?)([^${}]*)\}")
"""`${Name}`, `${ Name.Attribute }`, or `${!Literal}`."""
_ZONES = "abc"


class Scope(Protocol):
    """What the functions of one stack look up. Each raises Problem for a name that is not there."""

    region: str

    def ref(self, name: str) -> Value:
        """A parameter, pseudo parameter or resource."""

    def attribute(self, logical_id: str, attribute: str) -> Value: ...

    def condition(self, name: str) -> bool: ...

    def mapping(self, name: str) -> dict[str, Value]: ...

    def imported(self, name: str) -> Value: ...

    def warn(self, text: str) -> None: ...


def evaluate(value: Value, scope: Scope) -> Value:
    """The value with its functions carried out; `AWS::NoValue` takes its property or item away."""
    if isinstance(value, list):
        return [item for item in (evaluate(item, scope) for item in value) if item is not ABSENT]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(name, argument)] = value.items()
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](argument, scope)
        if name in _CONDITIONS:
            return condition(value, scope)
        if name.startswith("Fn::") and name != "Fn::Transform":
            raise Problem(f"{name} is not known here", "write the value without it")
    found: dict[str, Value] = {}
    for name, item in value.items():
        if name == "Fn::Transform":
            scope.warn(f"{_transform(item)} is left out: macros and included files are not read")
            continue
        result = evaluate(item, scope)
        if result is not ABSENT:
            found[name] = result
    return found


def condition(value: Value, scope: Scope) -> bool:
    """Whether a condition holds: a function of conditions, `{"Condition": name}`, or a boolean."""
    if isinstance(value, dict) and len(value) == 1:
        [(name, argument)] = value.items()
        if name == "Condition":
            return scope.condition(text(argument))
        if name == "Fn::Equals":
            first, second = _arguments(name, argument, 2)
            return _comparable(evaluate(first, scope)) == _comparable(evaluate(second, scope))
        if name == "Fn::And":
            return all(condition(item, scope) for item in as_list(argument, name))
        if name == "Fn::Or":
            return any(condition(item, scope) for item in as_list(argument, name))
        if name == "Fn::Not":
            return not condition(_arguments(name, argument, 1)[0], scope)
    if isinstance(value, bool) or value in ("true", "false"):
        return is_true(value)
    raise Problem(f"{shown(value)} is no condition", "use Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition")


def _comparable(value: Value) -> str:
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else text("" if value is None else value)


def _ref(argument: Value, scope: Scope) -> Value:
    return scope.ref(text(argument))


def _get_att(argument: Value, scope: Scope) -> Value:
    if isinstance(argument, str):
        logical_id, _, attribute = argument.partition(".")
    else:
        first, second = _arguments("Fn::GetAtt", argument, 2)
        logical_id, attribute = text(first), text(evaluate(second, scope))
    return scope.attribute(logical_id, attribute)


def _sub(argument: Value, scope: Scope) -> Value:
    variables: dict[str, Value] = {}
    if isinstance(argument, list):
        template, given = _arguments("Fn::Sub", argument, 2)
        if not isinstance(given, dict):
            raise Problem("the second argument of Fn::Sub is no map", "give its variables as a map of names to values")
        variables = {name: evaluate(item, scope) for name, item in given.items()}
    else:
        template = argument
    template = text(template)
    parts: list[Value] = []
    end = 0
    for match in _BLANK.finditer(template):
        parts.append(template[end : match.start()])
        parts.append(_blank(match, variables, scope))
        end = match.end()
    return joined([*parts, template[end:]])


def _blank(match: re.Match[str], variables: dict[str, Value], scope: Scope) -> Value:
    if match[1]:
        return f"${{{match[2]}}}"
    name = match[2].strip()
    if name in variables:
        return variables[name]
    logical_id, dot, attribute = name.partition(".")
    return scope.attribute(logical_id, attribute) if dot else scope.ref(name)


def _join(argument: Value, scope: Scope) -> Value:
    separator, items = _arguments("Fn::Join", argument, 2)
    return joined(as_list(evaluate(items, scope), "the second argument of Fn::Join"), text(separator))


def _split(argument: Value, scope: Scope) -> Value:
    given, whole = _arguments("Fn::Split", argument, 2)
    separator, source = text(given), text(evaluate(whole, scope))
    if not separator:
        raise Problem("Fn::Split has no text to split at", "give a separator, such as a comma")
    return [same_kind(source, part) for part in source.split(separator)]


def _select(argument: Value, scope: Scope) -> Value:
    given, items = _arguments("Fn::Select", argument, 2)
    index = text(evaluate(given, scope))
    found = as_list(evaluate(items, scope), "the second argument of Fn::Select")
    if not index.isdecimal() or int(index) >= len(found):
        raise Problem(
            f"Fn::Select asks for item {index} of {len(found)}", "count from 0, and look at what the list holds here"
        )
    return found[int(index)]


def _find_in_map(argument: Value, scope: Scope) -> Value:
    arguments = as_list(argument, "Fn::FindInMap")
    default = arguments[3] if len(arguments) == 4 else None
    name, *keys = (text(evaluate(item, scope)) for item in _arguments("Fn::FindInMap", arguments[:3], 3))
    found: Value = dict(scope.mapping(name))
    path = name
    for key in keys:
        if not isinstance(found, dict) or key not in found:
            if isinstance(default, dict) and "DefaultValue" in default:
                return evaluate(default["DefaultValue"], scope)
            there = ", ".join(found) if isinstance(found, dict) else "no more keys"
            raise Problem(
                f"the mapping {path} has no key {key}; it has {there}", f"add {key} to the mapping in the template"
            )
        found, path = found[key], f"{path}.{key}"
    return found


def _import(argument: Value, scope: Scope) -> Value:
    return scope.imported(text(evaluate(argument, scope)))


def _if(argument: Value, scope: Scope) -> Value:
    name, held, otherwise = _arguments("Fn::If", argument, 3)
    return evaluate(held if scope.condition(text(name)) else otherwise, scope)


def _zones(argument: Value, scope: Scope) -> Value:
    region = text(evaluate(argument, scope)) if argument not in ("", None) else ""
    return [f"{region or scope.region}{letter}" for letter in _ZONES]


def _base64(argument: Value, scope: Scope) -> Value:
    source = text(evaluate(argument, scope))
    return same_kind(source, base64.b64encode(source.encode()).decode())


def _cidr(argument: Value, scope: Scope) -> Value:
    arguments = as_list(evaluate(argument, scope), "Fn::Cidr")
    if len(arguments) not in (2, 3):
        raise Problem("Fn::Cidr takes a block, a count and bits", "see CloudFormation's reference of Fn::Cidr")
    block, count, *bits = (text(item) for item in arguments)
    try:
        network = ipaddress.ip_network(block)
        wide = int(bits[0]) if bits else 8
        blocks = network.subnets(new_prefix=network.max_prefixlen - wide)
        return [str(part) for _, part in zip(range(int(count)), blocks, strict=False)]
    except ValueError as error:
        raise Problem(f"Fn::Cidr: {error}", "see CloudFormation's reference of Fn::Cidr") from None


def _to_json(argument: Value, scope: Scope) -> Value:
    value = evaluate(argument, scope)
    return json.dumps(value, separators=(",", ":"))


def _length(argument: Value, scope: Scope) -> Value:
    return len(as_list(evaluate(argument, scope), "the argument of Fn::Length"))


def _left_out(argument: Value, scope: Scope) -> Value:
    scope.warn(f"{_transform(argument)} is left out: macros and included files are not read")
    return ABSENT


def _transform(argument: Value) -> str:
    name = argument.get("Name") if isinstance(argument, dict) else None
    return f"Fn::Transform {name}" if isinstance(name, str) else "Fn::Transform"


def _arguments(function: str, argument: Value, count: int) -> list[Value]:
    if not isinstance(argument, list) or len(argument) != count:
        raise Problem(
            f"{function} takes a list of {count}, and has {shown(argument)}",
            f"see CloudFormation's reference of {function}",
        )
    return argument


_FUNCTIONS: dict[str, Callable[[Value, Scope], Value]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": _select,
    "Fn::FindInMap": _find_in_map,
    "Fn::ImportValue": _import,
    "Fn::If": _if,
    "Fn::GetAZs": _zones,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::ToJsonString": _to_json,
    "Fn::Length": _length,
    "Fn::Transform": _left_out,
}
_CONDITIONS = ("Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not")
