"""Values of a template: what JSON has, and text that must not be shown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeAlias, cast

from emulator.aws.stacks.problems import Problem

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"


class Secret(str):
    """Text that came from a secret; text made with it is secret too."""

    __slots__ = ()


class _Absent(str):
    __slots__ = ()


ABSENT = _Absent("")
"""`AWS::NoValue`: the property or item is left out. Compare by identity."""


def text(value: Value) -> str:
    """A scalar as CloudFormation writes it: booleans as `true` and `false`. Raises Problem for lists and maps."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise Problem(f"{shown(value)} is no text", "use a function that gives text, such as Fn::Join or Fn::Select")


def joined(parts: Iterable[Value], separator: str = "") -> str:
    """The parts as one text, a secret one if any part is."""
    texts = [text(part) for part in parts]
    whole = separator.join(texts)
    return Secret(whole) if any(isinstance(part, Secret) for part in texts) else whole


def same_kind(whole: str, part: str) -> str:
    """A part of a text, secret if the whole is."""
    return Secret(part) if isinstance(whole, Secret) else part


def is_secret(value: Value) -> bool:
    """Whether a secret is anywhere in a value."""
    if isinstance(value, dict):
        return any(is_secret(item) for item in value.values())
    if isinstance(value, list):
        return any(is_secret(item) for item in value)
    return isinstance(value, Secret)


def as_map(value: Value, what: str) -> dict[str, Value]:
    """The value, which must be a map; none where it is absent."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Problem(f"{what} is no map: {shown(value)}", "see CloudFormation's reference of the resource type")
    return value


def as_document(value: Value, what: str) -> dict[str, Value]:
    """A document, as a map or as the JSON text of one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise Problem(f"{what} is no JSON: {error}", "give a map, or its JSON") from None
    return as_map(value, what)


def json_object(text: str | bytes) -> dict[str, Any] | None:
    """The object that a JSON text is; None where it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def as_list(value: Value, what: str) -> list[Value]:
    """The value, which must be a list; none where it is absent."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Problem(f"{what} is no list: {shown(value)}", "see CloudFormation's reference of the resource type")
    return value


def is_true(value: Value) -> bool:
    """A boolean, or the text of one."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def as_json_text(value: Value) -> str:
    """A document as compact JSON. Text that is JSON already stays as it is."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def shown(value: Value) -> str:
    """A value for a message, cut where it is long, without what is secret."""
    if is_secret(value):
        return "a secret"
    whole = json.dumps(cast("object", value), ensure_ascii=False)
    return whole if len(whole) <= 80 else f"{whole[:77]}…"
