"""Reads the values of arguments and options that need no more than a look.

Newer Typers read each of them with Pydantic, those that are absent too, and import it for that: a third of the time of
a short command. What is not read here is left to Typer, and so is every message.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args, get_origin

_UNREAD: Final = object()
_CHECKED_PATHS = ("exists", "writable", "resolve_path", "path_type")


def read_plainly(parameters: list[Any]) -> list[Any]:
    """The parameters of a command, which are read here first from now on. An older Typer reads them with Click and
    stays as it is."""
    for parameter in parameters:
        by_typer = getattr(parameter, "get_runtime_param", None)
        if by_typer is not None and not isinstance(getattr(by_typer, "__self__", None), _Reader):
            parameter.get_runtime_param = _Reader(parameter, by_typer).itself
    return parameters


@dataclass(frozen=True, slots=True)
class _Reader:
    """Stands where Typer has a parameter's own reader."""

    parameter: Any
    by_typer: Callable[[], Any]

    def itself(self) -> _Reader:
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value, from text, a list of texts, the default or None."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        found = self._read(value, self.parameter.type_descriptor.annotation)
        return self.by_typer().coerce(value, param=param, ctx=ctx) if found is _UNREAD else found

    def _read(self, value: Any, kind: Any) -> Any:
        if get_origin(kind) is list and isinstance(value, list | tuple):
            [item] = get_args(kind)
            items = [self._read(one, item) for one in value]
            return _UNREAD if _UNREAD in items else items
        if not isinstance(kind, type) or get_origin(kind) is not None or self._info.parser is not None:
            return _UNREAD
        if kind in (str, int, float) and type(value) is kind:
            return value if self._fits(value) else _UNREAD
        if not isinstance(value, str):
            return value if issubclass(kind, enum.Enum | Path) and isinstance(value, kind) else _UNREAD
        if kind is int and value.isascii() and value.isdigit():
            return int(value) if self._fits(int(value)) else _UNREAD
        if issubclass(kind, enum.StrEnum) and value in [member.value for member in kind]:
            return kind(value)
        if kind is Path and not any(getattr(self._info, check) for check in _CHECKED_PATHS):
            return Path(value) if os.access(value, os.R_OK) or not os.path.lexists(value) else _UNREAD
        return _UNREAD

    @property
    def _info(self) -> Any:
        return self.parameter.type_descriptor.parameter_info

    def _fits(self, value: float | str) -> bool:
        least, most = self._info.min, self._info.max
        return isinstance(value, str) or ((least is None or value >= least) and (most is None or value <= most))
