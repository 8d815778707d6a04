"""Rewrites a user's own Fluent Bit configuration file, in the classic format, so that its outputs are captured.

Everything else stays as it is written, comments included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Entries = list[tuple[str, str]]
"""Keys and values of a section, in order; a key may come twice."""


@dataclass(frozen=True, slots=True)
class FileOutput:
    """A file that stands for a destination."""

    folder: str
    file: str

    def lines(self, section: tuple[str, ...]) -> tuple[str, ...]:
        """The [OUTPUT] section that captures what the given one would have sent; one that drops records stays."""
        entries = parse_entries(section[1:])
        if any(key.lower() == "name" and value.lower() == "null" for key, value in entries):
            return section
        matches = [f"    {key} {value}" for key, value in entries if key.lower() in ("match", "match_regex")]
        return ("[OUTPUT]", "    Name file", *matches, f"    File {self.file}", f"    Path {self.folder}")


@dataclass(slots=True)
class Rewritten:
    """A configuration file taken apart."""

    service: Entries = field(default_factory=list)
    """What its [SERVICE] sections said, where they are taken out."""
    includes: list[str] = field(default_factory=list)
    """The paths it includes, absolute or as written."""
    outputs: list[tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)
    """Each [OUTPUT] section that changed: its lines before, and now."""
    _lines: list[str] = field(default_factory=list)

    def text(self, folder: str) -> str:
        """The new text; what it includes is taken from a folder that mirrors the image."""
        lines = [
            f"@INCLUDE {folder}{path}" if (path := _include(line)) and path.startswith("/") else line
            for line in self._lines
        ]
        return "\n".join(lines) + "\n"


def rewrite_included(text: str, next_output: Callable[[], FileOutput], *, keep_service: bool) -> Rewritten:
    """The file with each [OUTPUT] captured in the next file that `next_output` names, and without its [SERVICE]."""
    result = Rewritten()
    for section in _sections(text):
        name = section[0].strip().lower()
        if name == "[output]":
            body, rest = _without_tail(section)
            captured = next_output().lines(body)
            if captured != body:
                result.outputs.append((body, captured))
            result._lines += [*captured, *rest]
        elif name == "[service]" and not keep_service:
            body, rest = _without_tail(section)
            result.service += parse_entries(body[1:])
            result._lines += rest
        else:
            result._lines += section
    result.includes = [path for line in result._lines if (path := _include(line))]
    return result


def parse_entries(lines: tuple[str, ...]) -> Entries:
    """The keys and values of a section's lines, comments left out."""
    entries: Entries = []
    for line in lines:
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            key, *value = stripped.split(None, 1)
            entries.append((key, "".join(value)))
    return entries


def _sections(text: str) -> list[tuple[str, ...]]:
    """The file cut before each section header; the first part is what stands before any."""
    sections: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("[") and line.rstrip().endswith("]"):
            sections.append([])
        sections[-1].append(line)
    return [tuple(section) for section in sections if section]


def _without_tail(section: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
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
