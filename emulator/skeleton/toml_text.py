"""Adds keys to a TOML file as text: everything that stands there stays as it is."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emulator.errors import InputError

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_HEADER = re.compile(r"\s*\[")


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with empty text for its value, the comment above it, and another key that does the same."""

    key: str
    comment: str = ""
    also: str = ""


def quoted(key: str) -> str:
    """A key as TOML writes it."""
    return key if _BARE.match(key) else json.dumps(key, ensure_ascii=False)


def comment(text: str) -> str:
    """Text as a comment of one line."""
    return "# " + "".join(character if character.isprintable() else " " for character in text)


def with_entries(text: str, table: str, entries: Sequence[Entry], file: str) -> tuple[str, list[str]]:
    """The text with those of the entries that `table` does not have, and their keys.

    Raises InputError, which names the lines to add by hand, where the text is no TOML, or the table stands in it in a
    form that cannot be added to (`table = {…}`).
    """
    before = _parsed(text, file)
    present = before.get(table, {})
    new = [entry for entry in entries if not isinstance(present, dict) or entry.key not in present]
    if not new:
        return text, []
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines()
    added = [line for entry in new for line in (*([comment(entry.comment)] if entry.comment else []), _line(entry))]
    at = _end_of(lines, table)
    if at is None:
        gap = [""] if lines and lines[-1].strip() else []
        lines += [*gap, f"[{quoted(table)}]", *added]
    else:
        lines[at:at] = added
    after = newline.join(lines) + newline
    wanted = {**before, table: {**(present if isinstance(present, dict) else {}), **{entry.key: "" for entry in new}}}
    try:
        fits = tomllib.loads(after) == wanted
    except tomllib.TOMLDecodeError:
        fits = False
    if not fits:
        raise InputError(
            f"nothing can be added to [{table}] of {file} without changing what stands there",
            hint="add these lines yourself:\n" + "\n".join([f"[{quoted(table)}]", *map(_line, new)]),
        )
    return after, [entry.key for entry in new]


def _parsed(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file}: not valid TOML: {error}", hint="mend it first; nothing was written") from None


def _line(entry: Entry) -> str:
    return f'{quoted(entry.key)} = ""'


def _end_of(lines: Sequence[str], table: str) -> int | None:
    """The index after the last line of a table; None where it has no header."""
    header = re.compile(rf"\s*\[\s*[\"']?{re.escape(table)}[\"']?\s*\]\s*(#.*)?\Z")
    start = next((number for number, line in enumerate(lines) if header.match(line)), None)
    if start is None:
        return None
    following = (number for number in range(start + 1, len(lines)) if _HEADER.match(lines[number]))
    end = next(following, len(lines))
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1  # comments above the next table belong to it
    return end
