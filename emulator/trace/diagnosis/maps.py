"""Which line of a `map` of nginx a text gets. Pure.

Source: nginx's documentation, `map` of ngx_http_map_module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from emulator.trace.diagnosis.nginx import Directive
from emulator.trace.diagnosis.pcre import as_bytes, compiled


@dataclass(frozen=True, slots=True)
class Entry:
    """What a text gets."""

    line: Directive | None
    """Its name is the key, its argument the value. None: nothing fits, and the value is empty."""
    match: re.Match[str] | None = None
    """What the key found, where that is an expression."""


def entry_for(block: Directive, text: str) -> Entry | None:
    """The line of a `map` for a text of bytes; None where that is not known."""
    wanted = _low(text)
    hostnames = any(one.name == "hostnames" and not one.arguments for one in block.block)
    if hostnames:
        wanted = wanted.removesuffix(".")
    lines = list(_lines(block))
    for line in lines:
        if not _is_special(line) and _key(line) == wanted:
            return Entry(line)
    if hostnames and wanted:
        best = max(lines, key=lambda line: _fit(line, wanted), default=None)
        if best is not None and _fit(best, wanted) > _NOT:
            return Entry(best)
    for line in lines if text else ():
        if not line.name.startswith("~"):
            continue
        pattern = compiled(re.sub(r"^~\*?", "", line.name), line.name.startswith("~*"))
        if pattern is None:
            return None
        if match := pattern.search(text):
            return Entry(line, match)
    return Entry(next((line for line in lines if line.name == "default"), None))


def has_expressions(block: Directive) -> bool:
    """Whether a look into the `map` may change what `$1` is."""
    return any(line.name.startswith("~") for line in _lines(block))


def is_volatile(block: Directive) -> bool:
    """Whether it is looked at anew each time: else a request keeps what it found first."""
    return any(one.name == "volatile" and not one.arguments for one in block.block)


def _lines(block: Directive) -> Iterator[Directive]:
    return (one for one in block.block if len(one.arguments) == 1)


def _is_special(line: Directive) -> bool:
    return line.name == "default" or line.name.startswith("~")


def _key(line: Directive) -> str:
    """The text that a line is for. nginx compares without case; a backslash keeps a first character from meaning
    something."""
    return _low(as_bytes(line.name).removeprefix("\\"))


def _low(text: str) -> str:
    return re.sub("[A-Z]+", lambda found: found[0].lower(), text)


_NOT = (0, 0)


def _fit(line: Directive, host: str) -> tuple[int, int]:
    """How well the mask of a line fits a name: `.a` is `a` and `*.a` in one; the longest of these, then of `a.*`."""
    key = _key(line)
    if _is_special(line):
        return _NOT
    if key.startswith(".") and host == key[1:]:
        return 3, 0
    if key.startswith(("*.", ".")) and host.endswith(key.removeprefix("*")):
        return 2, len(key)
    if key.endswith(".*") and host.startswith(key[:-1]):
        return 1, len(key)
    return _NOT
