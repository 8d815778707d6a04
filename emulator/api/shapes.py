"""What operations take and give, from botocore's models: `shapes.json` and its like are made of them,
and a test compares them.

Input is checked loosely, since newer SDKs send members that are not known here: types and required members. Output is
pruned to what the model has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from emulator.api.errors import ApiError, invalid

FILES = {
    "ecs": Path(__file__).with_name("shapes.json"),
    "logs": Path(__file__).with_name("shapes_of_logs.json"),
}
Shapes = Mapping[str, Any]
Request = Mapping[str, Any]
"""What an operation takes, as `checked` gives it."""
Answer = dict[str, Any]
"""What it gives, before it is `pruned`; or a part of that."""
_PLAIN: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "float": (int, float),
    "timestamp": (int, float, str),
    "structure": (dict,),
    "list": (list,),
    "map": (dict,),
}


@cache
def model(service: str = "ecs") -> dict[str, Any]:
    """The operations of a service with the names of their input and output, and the shapes."""
    found: dict[str, Any] = json.loads(FILES[service].read_text(encoding="utf-8"))
    return found


def checked(operation: str, content: object, service: str = "ecs") -> dict[str, Any]:
    """The input of an operation without nulls. Raises `ApiError` for what does not fit."""
    shapes = model(service)
    found = _checked(shapes["shapes"], shapes["operations"][operation]["input"], content, "")
    assert isinstance(found, dict)
    return found


def _checked(shapes: Shapes, name: str, content: object, path: str) -> object:
    shape = shapes.get(name)
    if shape is None:
        return content
    kind = shape["type"]
    fits = isinstance(content, _PLAIN.get(kind, (object,)))
    if not fits or (isinstance(content, bool) and kind != "boolean"):
        raise ApiError("SerializationException", f"{path or 'the request'} is no {kind}")
    if isinstance(content, list):
        return [
            _checked(shapes, shape["member"], one, f"{path}[{i}]") for i, one in enumerate(content) if one is not None
        ]
    if not isinstance(content, dict):
        return content
    present = {key: value for key, value in content.items() if value is not None}
    if kind == "map":
        return {str(key): _checked(shapes, shape["value"], value, f"{path}.{key}") for key, value in present.items()}
    for key in shape.get("required", ()):
        if key not in present:
            raise invalid(f"{f'{path}.{key}' if path else key} should not be null or empty.")
    members = shape["members"]
    return {
        key: _checked(shapes, members[key], value, f"{path}.{key}" if path else key)
        for key, value in present.items()
        if key in members
    }


def pruned(operation: str, content: Mapping[str, Any], service: str = "ecs") -> dict[str, Any]:
    """The output of an operation: nothing that the model does not have, no null, times as seconds since the epoch."""
    shapes = model(service)
    found = _pruned(shapes["shapes"], shapes["operations"][operation]["output"], content)
    assert isinstance(found, dict)
    return found


def _pruned(shapes: Shapes, name: str, content: Any) -> Any:
    shape = shapes[name]
    match shape["type"]:
        case "structure":
            members = shape["members"]
            return {
                key: _pruned(shapes, members[key], value)
                for key, value in content.items()
                if key in members and value is not None
            }
        case "list":
            return [_pruned(shapes, shape["member"], one) for one in content]
        case "map":
            return {key: _pruned(shapes, shape["value"], value) for key, value in content.items()}
        case "timestamp":
            return datetime.fromisoformat(content).timestamp() if isinstance(content, str) else content
        case "integer" | "long":
            return int(content)
        case _:
            return content
