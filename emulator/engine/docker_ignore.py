"""What a build does not see: `.dockerignore`.

Source: Docker's documentation of .dockerignore (Go's filepath.Match, `**`, `!` exceptions, the last match wins; a
pattern that matches a folder matches all below it; `<Dockerfile>.dockerignore` takes precedence).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from emulator.files import lines_of, read_text

IGNORE_FILE = ".dockerignore"


class Ignore:
    """The patterns of one ignore file."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._patterns = [pattern for line in lines if (pattern := _parse(line)) is not None]

    def __contains__(self, path: object) -> bool:
        """Whether a path, relative to the build context, is left out of the build."""
        ignored = False
        text = str(PurePosixPath(*path.parts)) if isinstance(path, PurePosixPath | Path) else str(path)
        for expression, negated in self._patterns:
            if negated == ignored and expression.fullmatch(text):
                ignored = not negated
        return ignored


def ignore_file(context: Path, dockerfile: Path) -> Path:
    """The ignore file that a build reads, whether it is there or not."""
    own = dockerfile.with_name(f"{dockerfile.name}{IGNORE_FILE}")
    return own if own.is_file() else context / IGNORE_FILE


def read_ignore(context: Path, dockerfile: Path) -> Ignore:
    """What a build leaves out of its context."""
    try:
        return Ignore(lines_of(read_text(ignore_file(context, dockerfile))))
    except (OSError, UnicodeDecodeError):
        return Ignore()


def _parse(line: str) -> tuple[re.Pattern[str], bool] | None:
    """The expression of a pattern, and whether it is an exception; None where the line has none."""
    text = line.strip()
    if not text or line.startswith("#"):
        return None
    negated = text.startswith("!")
    parts = [part for part in text.removeprefix("!").strip().split("/") if part not in ("", ".")]
    cleaned: list[str] = []
    for part in parts:
        if part == ".." and cleaned:
            cleaned.pop()
        elif part != "..":
            cleaned.append(part)
    if not cleaned:
        return None
    return re.compile(_expression(cleaned) + r"(?:/.*)?", re.DOTALL), negated


def _expression(parts: list[str]) -> str:
    """A regular expression for a pattern's parts: `**` is any number of folders."""
    text = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            text += ".*" if last else "(?:.*/)?"
        else:
            text += _part(part) + ("" if last else "/")
    return text


def _part(part: str) -> str:
    """One part: `*` and `?` do not cross a slash, `[…]` is a class, a backslash takes the next character as it is."""
    text, rest = "", part
    while rest:
        character, rest = rest[0], rest[1:]
        if character == "*":
            text += ".*" if rest.startswith("*") else "[^/]*"
            rest = rest.lstrip("*")
        elif character == "?":
            text += "[^/]"
        elif character == "[" and "]" in rest:
            inside, _, rest = rest.partition("]")
            text += f"[{'^' if inside[:1] in '^!' and inside else ''}{_escaped_class(inside.lstrip('^!'))}]"
        elif character == "\\" and rest:
            text, rest = text + re.escape(rest[0]), rest[1:]
        else:
            text += re.escape(character)
    return text


def _escaped_class(inside: str) -> str:
    return inside.replace("\\", "\\\\").replace("[", "\\[") or "\\\\"
