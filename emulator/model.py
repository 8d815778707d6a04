"""The base of every model: what comes from outside (files, JSON, messages of the control API) in Pydantic's hands.

Plain records that only our own code makes are dataclasses. Schemas are built on first use, not on import. Field errors
say where and what, all at once, and never quote a value: it may be a secret.

Numbers and booleans may be written as text, as CloudFormation has them; nothing else stands for them: `true` is no
number, `yes` no boolean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ParamSpec, TypeVar, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, JsonValue, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, PydanticKnownError
from pydantic_core.core_schema import no_info_before_validator_function

__all__ = ["FieldError", "FrozenModel", "InvalidData", "JsonValue", "Keys", "Model"]

Keys = tuple[str | int, ...]
"""Keys and indexes that lead into plain data."""


class Model(BaseModel):
    """Base of every model: unknown keys are errors. Where names in JSON differ, constructors take the attribute's."""

    model_config = ConfigDict(
        extra="forbid",
        defer_build=True,
        hide_input_in_errors=True,
        serialize_by_alias=True,
        validate_by_alias=True,
        validate_by_name=True,
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return cast("CoreSchema", _without_look_alikes(handler(source), cls))


class FrozenModel(Model):
    """The same, of models that do not change once they are made."""

    model_config = ConfigDict(frozen=True)


P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that does not fit: where it is, and what is wrong with it."""

    keys: Keys
    message: str
    unknown: bool = False
    """A key that the model does not have."""

    @property
    def where(self) -> str:
        """The keys, joined: `containerDefinitions.0.cpu`."""
        return ".".join(map(str, self.keys))

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.keys else self.message


class InvalidData(ValueError):
    """Plain data that does not fit a model. Quotes no value: it may be a secret."""

    def __init__(self, problems: list[FieldError]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def make(kind: Callable[P, T], *_: P.args, **values: P.kwargs) -> T:
    """A model of values that are known to fit: mypy checks them, Pydantic does not, and no schema is built for it."""
    fields: dict[str, Any] = dict(values)
    return cast("T", cast("type[BaseModel]", kind).model_construct(None, **fields))


def from_plain(kind: type[T], content: object) -> T:
    """The model that plain data under its names in JSON stands for; models inside it are taken as they are, and text
    for the number or boolean that it writes. Raises InvalidData with everything that does not fit."""
    try:
        return _adapter(kind).validate_python(content, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InvalidData(list(_field_errors(error, content))) from None


def from_json(kind: type[T], text: bytes | str) -> T:
    """The model, or dataclass, that JSON of our own stands for, as `to_json` wrote it. Raises InvalidData."""
    try:
        return _adapter(kind).validate_json(text, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InvalidData(list(_field_errors(error, _parsed(text)))) from None


def _parsed(text: bytes | str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    adapter = _adapters.get(kind)
    if adapter is None:
        adapter = _adapters[kind] = TypeAdapter(kind)
    return adapter


_adapters: dict[type, TypeAdapter[Any]] = {}


def to_plain(model: BaseModel) -> dict[str, Any]:
    """A model as JSON's own types, all of its fields under their names in JSON."""
    return model.model_dump(mode="json")


def to_json(model: BaseModel) -> bytes:
    """A model as JSON."""
    return model.model_dump_json().encode()


def keys_of(model: BaseModel) -> list[tuple[str, str]]:
    """Attribute and name in JSON of every field, in order."""
    return _keys_of(type(model))


@cache
def _keys_of(kind: type[BaseModel]) -> list[tuple[str, str]]:
    alias = kind.model_config.get("alias_generator")
    names = kind.model_fields.items()
    return [(name, field.serialization_alias or (alias(name) if callable(alias) else name)) for name, field in names]


def _without_look_alikes(schema: Any, model: type[BaseModel]) -> Any:
    """A model's schema whose own numbers and booleans refuse what Pydantic alone would take for them."""
    if isinstance(schema, list | tuple):
        return [_without_look_alikes(member, model) for member in schema]
    if not isinstance(schema, dict):
        return schema
    match schema.get("type"):
        case "int":
            return no_info_before_validator_function(_integer, cast("CoreSchema", schema))
        case "float":
            return no_info_before_validator_function(_number, cast("CoreSchema", schema))
        case "bool":
            return no_info_before_validator_function(_boolean, cast("CoreSchema", schema))
        case "model" if schema["cls"] is not model:
            return schema
        case "function-before":
            return schema  # done before: a schema is used again within others
        case str():
            return schema | {key: _without_look_alikes(schema[key], model) for key in _PARTS if key in schema}
    return {key: _without_look_alikes(member, model) for key, member in schema.items()}


_PARTS = ("schema", "fields", "choices", "items_schema", "keys_schema", "values_schema")
"""Where a schema holds other ones."""
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")


def _integer(value: object) -> object:
    """Refuses a boolean, and text that JSON would not take for a number."""
    if isinstance(value, bool):
        raise PydanticKnownError("int_type")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise PydanticKnownError("int_parsing")
    return value


def _number(value: object) -> object:
    """The same of numbers with a fraction."""
    if isinstance(value, bool):
        raise PydanticKnownError("float_type")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise PydanticKnownError("float_parsing")
    return value


def _boolean(value: object) -> object:
    """Refuses `1.0`, and text other than `true`, `false`, `1` and `0`."""
    if isinstance(value, float):
        raise PydanticKnownError("bool_type")
    if isinstance(value, str) and value.lower() not in ("true", "false", "1", "0"):
        raise PydanticKnownError("bool_parsing")
    return value


def _field_errors(error: ValidationError, content: object) -> Iterator[FieldError]:
    """One a place, in order. Pydantic reports each member of a union: those that another one got past say nothing."""
    found: dict[Keys, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False, include_input=False):
        found.setdefault(_place(detail, content), []).append(detail)
    for keys, details in found.items():
        deeper = any(len(other) > len(keys) and other[: len(keys)] == keys for other in found)
        if not (deeper and all(detail["type"] in _OTHER_KIND for detail in details)):
            message = " or ".join(dict.fromkeys(map(_message, details)))
            yield FieldError(keys, message, unknown=details[0]["type"] == "extra_forbidden")


_OTHER_KIND = ("literal_error", "string_type", "model_type", "list_type", "dict_type")


def _place(detail: ErrorDetails, content: object) -> Keys:
    """The keys of an error without the names of a union's members, which Pydantic puts between them."""
    keys: list[str | int] = []
    location = detail["loc"]
    here: Any = content
    for number, part in enumerate(location, start=1):
        if _has(here, part):
            here = here[part]
        elif here is not None and not (number == len(location) and detail["type"] == "missing"):
            continue
        keys.append(part)
    return tuple(keys)


def _has(value: object, key: str | int) -> bool:
    if isinstance(value, list | tuple):
        return isinstance(key, int) and key < len(value)
    return isinstance(value, dict) and key in value


def _message(detail: ErrorDetails) -> str:
    """What Pydantic says, without the values that it quotes."""
    context = detail.get("ctx", {})
    match detail["type"]:
        case "value_error":
            return str(context["error"])
        case "union_tag_invalid" | "union_tag_not_found":
            return f"Input should be an object with a known {str(context['discriminator']).strip(chr(39))}"
        case "extra_forbidden":
            return "there is no such key"
        case "model_type":
            return "Input should be an object"
        case "tuple_type":
            return "Input should be a list"
        case "missing":
            return "is missing"
    return detail["msg"]
