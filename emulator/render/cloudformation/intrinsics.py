"""CloudFormation's intrinsic functions as values of a template, and their short and long forms.

Source: the CloudFormation user guide, intrinsic function reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from emulator.ecs.properties import scalar_text
from emulator.model import JsonValue


@dataclass(frozen=True, slots=True)
class Ref:
    """`!Ref name`: a parameter's value, or what a resource is known by."""

    name: str


@dataclass(frozen=True, slots=True)
class GetAtt:
    """`!GetAtt resource.attribute`."""

    resource: str
    attribute: str


@dataclass(frozen=True, slots=True)
class Sub:
    """`!Sub text`, with variables of its own where what `${…}` stands for is neither a name nor an attribute."""

    text: str
    variables: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fn:
    """Any other function, by its short name (`Join`, `If`, `ImportValue`) and its argument."""

    name: str
    argument: object


@dataclass(frozen=True, slots=True)
class Commented:
    """A value with a comment above it: an item of a list, or the value of a key."""

    comment: str
    value: object


_VARIABLE = re.compile(r"\$\{\s*([^!\s}](?:[^}]*[^\s}])?)\s*\}")
"""CloudFormation trims blanks around the name."""


def join(separator: str, parts: Sequence[object]) -> Fn:
    return Fn("Join", [separator, list(parts)])


def split(separator: str, text: object) -> Fn:
    return Fn("Split", [separator, text])


def select(index: int, items: object) -> Fn:
    return Fn("Select", [index, items])


def import_value(name: str) -> Fn:
    return Fn("ImportValue", name)


def choose(condition: str, then: object, otherwise: object) -> Fn:
    """`!If` a condition of the template holds."""
    return Fn("If", [condition, then, otherwise])


def is_set(parameter: str) -> Fn:
    """A condition: the parameter is not empty."""
    return Fn("Not", [Fn("Equals", [Ref(parameter), ""])])


def arn(service: str, resource: str) -> Sub:
    """An ARN of the region and account of the stack; `resource` may hold `${…}`."""
    return Sub(f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}")


def aws_managed_policy(name: str) -> Sub:
    return Sub(f"arn:${{AWS::Partition}}:iam::aws:policy/{name}")


def sub_variables(text: str) -> list[str]:
    """The names in `${…}` of a `!Sub`, without blanks around them, `${!literal}` left out."""
    return _VARIABLE.findall(text)


def replace_sub_variables(text: str, replacements: Mapping[str, str]) -> str:
    """A `!Sub` text with some of its `${name}` replaced; the others lose the blanks around their names."""
    return _VARIABLE.sub(lambda found: replacements.get(found[1], f"${{{found[1]}}}"), text)


def as_sub_text(value: object) -> str | None:
    """What stands for a value in the text of a `!Sub`; None for a function that has no form there."""
    match value:
        case Ref(name):
            return f"${{{name}}}"
        case GetAtt(resource, attribute):
            return f"${{{resource}.{attribute}}}"
        case str() | bool() | int() | float():
            return str(scalar_text(value)).replace("${", "${!")
        case _:
            return None


def from_long_form(value: object) -> object:
    """Plain data whose functions are in the long form (`{"Fn::Sub": …}`), as values of a template."""
    if isinstance(value, list):
        return [from_long_form(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(key, argument)] = value.items()
        if key == "Ref" and isinstance(argument, str):
            return Ref(argument)
        if isinstance(key, str) and key.startswith("Fn::"):
            return _function(key.removeprefix("Fn::"), argument)
    return {key: from_long_form(item) for key, item in value.items()}


def _function(name: str, argument: object) -> object:
    if name == "GetAtt":
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        if isinstance(parts, list) and len(parts) == 2 and all(isinstance(part, str) for part in parts):
            return GetAtt(parts[0], parts[1])
    if name == "Sub":
        if isinstance(argument, str):
            return Sub(replace_sub_variables(argument, {}))
        if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str):
            variables = from_long_form(argument[1])
            return Sub(replace_sub_variables(argument[0], {}), variables if isinstance(variables, dict) else {})
    return Fn(name, from_long_form(argument))


def long_form(value: object) -> object:
    """A template's value as plain data, functions in the long form, comments left out."""
    match value:
        case Ref(name):
            return {"Ref": name}
        case GetAtt(resource, attribute):
            return {"Fn::GetAtt": [resource, attribute]}
        case Sub(text, variables):
            return {"Fn::Sub": [text, long_form(dict(variables))] if variables else text}
        case Fn(name, argument):
            return {name if name == "Condition" else f"Fn::{name}": long_form(argument)}
        case Commented(_, inner):
            return long_form(inner)
        case dict():
            return {key: long_form(item) for key, item in value.items()}
        case list():
            return [long_form(item) for item in value]
        case _:
            return value


def uses(value: JsonValue, name: str) -> bool:
    """Whether a value in the long form refers to a name."""
    return any(used == name for used, _ in names_used(from_long_form(value)))


def names_used(value: object) -> Iterator[tuple[str, str]]:
    """Every name that a value refers to, with the attribute asked for (empty for `Ref`)."""
    match value:
        case Ref(name):
            yield name, ""
        case GetAtt(resource, attribute):
            yield resource, attribute
        case Sub(text, variables):
            for name in sub_variables(text):
                if name not in variables:
                    resource, _, attribute = name.partition(".")
                    yield resource, attribute
            yield from names_used(dict(variables))
        case Fn(_, argument):
            yield from names_used(argument)
        case Commented(_, inner):
            yield from names_used(inner)
        case dict():
            for item in value.values():
                yield from names_used(item)
        case list():
            for item in value:
                yield from names_used(item)
