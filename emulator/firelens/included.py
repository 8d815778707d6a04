"""Rewrites a user's own Fluent Bit configuration file, in the classic format: its outputs go where they should here.

Everything else stays as it is written, comments included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.firelens.output import Entries, parse_entries

Lines = tuple[str, ...]
"""A section, its header included."""


@dataclass(slots=True)
class Rewritten:
    """A configuration file taken apart."""

    service: Entries = field(default_factory=list)
    """What its [SERVICE] sections said, where they are taken out."""
    includes: list[str] = field(default_factory=list)
    """The paths it includes, absolute or as written."""
    _lines: list[str] = field(default_factory=list)

    def text(self, folder: str) -> str:
        """The new text; what it includes is taken from a folder that mirrors the image."""
        lines = [
            f"@INCLUDE {folder}{path}" if (path := _include(line)) and path.startswith("/") else line
            for line in self._lines
        ]
        return "\n".join(lines) + "\n"


def rewrite_included(text: str, change_output: Callable[[Lines], Lines], *, keep_service: bool) -> Rewritten:
    """The file with each [OUTPUT] as `change_output` returns it, and without its [SERVICE]."""
    result = Rewritten()
    for section in _sections(text):
        name = section[0].strip().lower()
        if name == "[output]":
            body, rest = _without_tail(section)
            result._lines += [*change_output(body), *rest]
        elif name == "[service]" and not keep_service:
            body, rest = _without_tail(section)
            result.service += parse_entries(body[1:])
            result._lines += rest
        else:
            result._lines += section
    result.includes = [path for line in result._lines if (path := _include(line))]
    return result


def _sections(text: str) -> list[Lines]:
    """The file cut before each section header; the first part is what stands before any."""
    sections: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("[") and line.rstrip().endswith("]"):
            sections.append([])
        sections[-1].append(line)
    return [tuple(section) for section in sections if section]


def _without_tail(section: Lines) -> tuple[Lines, Lines]:
    """A section's own lines, and what follows them up to the next section: blank lines, comments, directives."""
    end = 1
    for number, line in enumerate(section[1:], start=2):
        if line[:1].isspace() and line.strip() and not line.strip().startswith("#"):
            end = number
    return section[:end], section[end:]


def _include(line: str) -> str | None:
    stripped = line.strip()
    if not stripped.upper().startswith("@INCLUDE "):
        return None
    return stripped.split(None, 1)[1].strip()
