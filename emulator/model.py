"""What the models of every room are made of, and how plain data (JSON, TOML) becomes one and a model plain data.

A model is a msgspec Struct: such classes are made in microseconds, so that a command and the agent start at once. Their
constructors check nothing, since mypy has done that; what comes from outside goes through `from_plain` or `from_json`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec

if TYPE_CHECKING:
    JsonValue: TypeAlias = list["JsonValue"] | dict[str, "JsonValue"] | str | bool | int | float | None
    """Any JSON."""
else:
    JsonValue = Any  # msgspec knows no recursive types

T = TypeVar("T")
Keys = tuple[str | int, ...]
"""Keys and indexes that lead into plain data."""


class Model(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Base of every model: unknown keys are errors. `kw_only` is not inherited: each class says it again."""


class FrozenModel(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The same, of models that do not change once they are made; each class says `frozen` again too."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that does not fit: where it is , and what is wrong with it."""

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

    def __init__(self, problems: list[Misfit]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


_preparing = threading.Lock()
_prepared: set[object] = set()


def _prepare(kind: object) -> None:
    """Lets msgspec look at a type before the first use of it: two threads that did at once would crash the process."""
    if kind not in _prepared:
        with _preparing:
            msgspec.json.Decoder(kind)
            _prepared.add(kind)


def from_plain(kind: type[T], content: object) -> T:
    """The model that plain data stands for; models inside it are taken as they are, and text for the number or boolean
    that it writes. Raises InvalidData with everything that does not fit."""
    _prepare(kind)
    try:
        return msgspec.convert(content, kind, strict=False, str_keys=True)
    except msgspec.ValidationError as error:
        from emulator.misfits import misfits  # which most runs do without

        raise InvalidData(misfits(content, kind)) from error


def from_json(kind: type[T], text: bytes | str) -> T:
    """The model that JSON of our own stands for, as `to_json` wrote it. Raises InvalidData."""
    _prepare(kind)
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise InvalidData([Misfit((), str(error))]) from error


def to_plain(model: msgspec.Struct) -> dict[str, Any]:
    """A model as JSON's own types, all of its fields under their names in JSON."""
    found: dict[str, Any] = msgspec.to_builtins(model, str_keys=True)
    return found


def to_json(model: msgspec.Struct) -> bytes:
    """A model as JSON."""
    return msgspec.json.encode(model)


def keys_of(model: msgspec.Struct) -> list[tuple[str, str]]:
    """Attribute and name in JSON of every field, in order."""
    kind = type(model)
    return list(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
