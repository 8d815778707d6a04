"""Everything in plain data that does not fit a model. msgspec itself stops at the first such thing."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec import inspect, structs

from emulator.model import Keys, Misfit

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list", dict: "a map"}


def misfits(value: object, kind: object) -> list[Misfit]:
    """All of them, in the order of the model's fields."""
    return list(_misfits(value, kind, ()))


def _misfits(value: object, kind: Any, keys: Keys) -> Iterator[Misfit]:
    try:
        msgspec.convert(value, kind, strict=False, str_keys=True)
    except msgspec.ValidationError as error:
        inside = list(_inside(value, kind, keys))
        yield from inside or [Misfit(keys, _message(value, kind, error))]


def _inside(value: object, kind: Any, keys: Keys) -> Iterator[Misfit]:
    """What does not fit within a map or a list; nothing where the value itself is the problem."""
    kind = _of_value(value, _bare(kind))
    if isinstance(value, dict) and _is_struct(kind):
        yield from _in_struct(value, kind, keys)
    elif isinstance(value, dict) and get_origin(kind) in (dict, Mapping):
        for key, item in value.items():
            yield from _misfits(item, get_args(kind)[1], (*keys, str(key)))
    elif isinstance(value, list | tuple) and get_origin(kind) in (list, tuple):
        for number, item in enumerate(value):
            yield from _misfits(item, get_args(kind)[0], (*keys, number))


def _in_struct(value: dict[str, object], kind: type[msgspec.Struct], keys: Keys) -> Iterator[Misfit]:
    fields = {field.encode_name: field for field in structs.fields(kind)}
    for name, field in fields.items():
        if name in value:
            yield from _misfits(value[name], field.type, (*keys, name))
        elif field.required:
            yield Misfit((*keys, name), "is missing")
    known = {*fields, kind.__struct_config__.tag_field}
    yield from (Misfit((*keys, name), "there is no such key", unknown=True) for name in value if name not in known)


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _of_value(value: object, kind: Any) -> Any:
    """The member of a union that the value is meant to be; any other type as it is."""
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    members = [_bare(member) for member in get_args(kind)]
    if isinstance(value, dict):
        for member in filter(_is_struct, members):
            config = member.__struct_config__
            if config.tag is None or value.get(config.tag_field) == config.tag:
                return member
    wanted = (dict, Mapping) if isinstance(value, dict) else (list, tuple)
    return next((member for member in members if get_origin(member) in wanted), kind)


def _message(value: object, kind: Any, error: msgspec.ValidationError) -> str:
    """What the value should be. A check of the model's own says that itself."""
    if isinstance(value, dict) and _is_struct(_of_value(value, _bare(kind))):
        return str(error)
    wanted = _described(inspect.type_info(kind))
    given = "null" if value is None else _KINDS.get(type(value), type(value).__name__)
    return f"takes {wanted}" if wanted.startswith("one of") or given in wanted else f"takes {wanted}, not {given}"


def _described(kind: inspect.Type) -> str:
    match kind:
        case inspect.UnionType():
            members = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
            return " or ".join(dict.fromkeys(map(_described, members)))
        case inspect.LiteralType():
            return f"one of {', '.join(map(str, kind.values))}"
        case inspect.BoolType():
            return _KINDS[bool]
        case inspect.IntType() | inspect.FloatType():
            return _KINDS[int if isinstance(kind, inspect.IntType) else float] + _bounds(kind)
        case inspect.StrType():
            return _KINDS[str] + (f" that matches {kind.pattern}" if kind.pattern else "")
        case inspect.ListType() | inspect.VarTupleType() | inspect.TupleType():
            return _KINDS[list]
        case inspect.StructType() if kind.tag_field is not None:
            return f"a map with a {kind.tag_field} that is known"
        case inspect.StructType() | inspect.DictType() | inspect.DataclassType():
            return _KINDS[dict]
        case inspect.DateTimeType():
            return "a time"
    return "something else"


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    match kind.ge, kind.le:
        case None, None:
            return ""
        case least, None:
            return f" of at least {least}"
        case None, most:
            return f" of at most {most}"
    return f" from {kind.ge} to {kind.le}"
