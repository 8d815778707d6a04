"""The schema as the other parts of the room walk it: shapes, derived from the models' annotations on first use."""

from __future__ import annotations

import enum
import types
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from emulator.manifest.schema.base import INT64, Bits, Block, Key, OneOrMany, ShellWords
from emulator.manifest.schema.notations.schedule import Schedule
from emulator.manifest.schema.notations.values import Network, parse_cidr


@dataclass(frozen=True, slots=True)
class Text:
    """Any scalar, source text kept."""


@dataclass(frozen=True, slots=True)
class Integer:
    bits: Bits


@dataclass(frozen=True, slots=True)
class Boolean:
    pass


@dataclass(frozen=True, slots=True)
class Number:
    pass


@dataclass(frozen=True, slots=True)
class Duration:
    pass


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values of an enumeration, case not minding."""

    values: type[enum.StrEnum]


@dataclass(frozen=True, slots=True)
class Parsed:
    """Text with a notation of its own; `parse` raises ValueError with the reason."""

    parse: Callable[[str], object]
    what: str


@dataclass(frozen=True, slots=True)
class ListOf:
    item: Shape
    one_or_many: bool = False
    shell_words: bool = False


@dataclass(frozen=True, slots=True)
class MapOf:
    item: Shape


@dataclass(frozen=True, slots=True)
class Untyped:
    """Any YAML, read by the rules for untyped values."""


@dataclass(frozen=True, slots=True)
class Model:
    """A block; its fields come from `fields_of`."""

    block: type[Block]


Shape = Text | Integer | Boolean | Number | Duration | Choice | Parsed | ListOf | MapOf | Untyped | Model


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a block. `attribute` is the model's name for it, `key` the file's."""

    attribute: str
    key: str
    shape: Shape
    required: bool
    legacy: tuple[str, ...]
    default: str
    hidden: bool


_PLAIN = Key()


@cache
def fields_of(block: type[Block]) -> dict[str, Field]:
    """The fields of a block by the key in the file; hidden ones are there under their attribute's name."""
    fields = {}
    for attribute, info in block.model_fields.items():
        key = next((mark for mark in info.metadata if isinstance(mark, Key)), _PLAIN)
        name = key.name or attribute
        shape = _shape(info.annotation, tuple(info.metadata))
        fields[name] = Field(attribute, name, shape, info.is_required(), key.legacy, key.default, key.hidden)
    return fields


@cache
def keys_of(block: type[Block]) -> dict[str, Field]:
    """The fields that are keys of the map form."""
    return {name: field for name, field in fields_of(block).items() if not field.hidden}


@cache
def legacy_of(block: type[Block]) -> dict[str, Field]:
    """Older spellings, each with the field it stands for."""
    return {old: field for field in fields_of(block).values() for old in field.legacy}


def _shape(annotation: Any, metadata: tuple[object, ...] = ()) -> Shape:
    if get_origin(annotation) is Annotated:
        annotation, *inner = get_args(annotation)
        metadata = (*metadata, *inner)
    if annotation == Network:
        return Parsed(parse_cidr, "a CIDR block")
    if get_origin(annotation) in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        if set(members) == set(get_args(Network)):  # a union with None is one union
            return Parsed(parse_cidr, "a CIDR block")
        if len(members) == 1:
            return _shape(members[0], metadata)
        return Untyped()
    origin = get_origin(annotation)
    if origin is list:
        (item,) = get_args(annotation)
        one_or_many = any(isinstance(mark, OneOrMany) for mark in metadata)
        return ListOf(_shape(item), one_or_many, any(isinstance(mark, ShellWords) for mark in metadata))
    if origin is dict:
        return MapOf(_shape(get_args(annotation)[1]))
    if origin is Literal or annotation is str:
        return Text()
    if annotation is bool:
        return Boolean()
    if annotation is int:
        return Integer(next((mark for mark in metadata if isinstance(mark, Bits)), INT64))
    if annotation is float:
        return Number()
    if annotation is timedelta:
        return Duration()
    if annotation is Schedule:
        return Parsed(Schedule.parse, "a schedule")
    if isinstance(annotation, type) and issubclass(annotation, enum.StrEnum):
        return Choice(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Block):
        return Model(annotation)
    return Untyped()
