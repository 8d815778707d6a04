"""Properties of a resource as arguments of an operation, for services whose properties are many and the API's own."""

from __future__ import annotations

from typing import Any

from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.values import Value, is_true, text


def arguments(service: str, operation: str, properties: dict[str, Value]) -> dict[str, Any]:
    """The properties that the operation takes, with numbers and booleans as such where the template has text."""
    from botocore.loaders import Loader  # of all providers only those of rare types need the model of an API
    from botocore.model import ServiceModel

    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    found = _typed(model.operation_model(operation).input_shape, properties)
    return found if isinstance(found, dict) else {}


def _typed(shape: Any, value: Value) -> Any:
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        return {
            name: _typed(shape.members[name], item)
            for name, item in value.items()
            if name in shape.members and item is not None
        }
    if kind == "list" and isinstance(value, list):
        return [_typed(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {name: _typed(shape.value, item) for name, item in value.items()}
    if kind == "boolean":
        return is_true(value)
    if kind in ("integer", "long") and isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise Problem(f"{value!r} is no number", "give a number") from None
    if kind == "string" and isinstance(value, int | float):
        return text(value)
    return value
