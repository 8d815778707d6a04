"""Errors and findings as text, in the tone of uv: what and where, the line it is about, an empty line, a hint."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from emulator.display import colours
from emulator.display.colours import paint
from emulator.errors import CopilotLocalError, Finding, FindingsError, Position, Severity
from emulator.visible import visible, visible_line

_WIDEST = 160
_MOST_READ = 2_000_000


def render_error(error: CopilotLocalError, *, colour: bool = False) -> str:
    """Everything a user is told about an error, ready to print."""
    before = [render_error(other, colour=colour) + "\n" for other in getattr(error, "others", [])]
    if isinstance(error, FindingsError):
        summary = f"{paint('error', colours.RED, colour)}: {visible(error.message)}"
        return "\n".join([*_blocks(error.findings, colour), summary])
    where = f"{shown(error.position)}: " if error.position else ""
    lines = [*before, f"{paint('error', colours.RED, colour)}: {visible(where + error.message)}"]
    if error.position:
        lines += excerpt(error.position, colour=colour)
    # What failed may have failed at the agent: several errors bring the last lines that something printed.
    lines += [f"  {visible_line(line.rstrip(), sgr=colour)}" for line in error.output]
    if error.hint:
        lines += ["", _hint(error.hint, "", colour)]
    return "\n".join(lines)


def render_findings(findings: Iterable[Finding], *, colour: bool = False) -> str:
    """Every finding with its line, in the order of the file, and how many there are."""
    found = list(findings)
    return "\n".join([*_blocks(found, colour), count(found)])


def count(findings: Iterable[Finding]) -> str:
    """`2 errors, 1 warning`; `no findings`."""
    severities = [finding.severity for finding in findings]
    parts = []
    for severity in (Severity.ERROR, Severity.WARNING):
        number = severities.count(severity)
        if number:
            parts.append(f"{number} {severity}{'s' if number > 1 else ''}")
    return ", ".join(parts) or "no findings"


def excerpt(position: Position, *, colour: bool = False) -> list[str]:
    """The line at `position`, with its number and a caret below the column. Nothing where it cannot be read."""
    text, column = _window(_line(position), position.column)
    if not text.strip():
        return []
    margin = f"{position.line:>5}"
    lines = [f"{paint(f'{margin} |', colours.DIM, colour)} {text}"]
    if 0 < column <= len(text) + 1:
        # Tabs stay tabs, so that the caret stands below its character whatever a tab is wide.
        before = "".join("\t" if character == "\t" else " " for character in text[: column - 1])
        bar = paint(f"{' ' * len(margin)} |", colours.DIM, colour)
        lines.append(f"{bar} {before}{paint('^' * _width(text, column), colours.RED, colour)}")
    return lines


def _line(position: Position) -> str:
    """The line as it is in the file; nothing where it is not there."""
    try:
        if not os.path.isfile(position.file):
            return ""
        lines = _lines(position.file, os.stat(position.file).st_mtime_ns)
    except OSError:
        return ""
    return lines[position.line - 1] if 0 < position.line <= len(lines) else ""


@lru_cache(maxsize=4)
def _lines(file: str, changed: int) -> list[str]:
    """The lines of a file as it was when last changed: many findings are about the same one."""
    del changed
    with open(file, encoding="utf-8-sig", errors="replace") as opened:
        return opened.read(_MOST_READ).split("\n")


def _window(text: str, column: int) -> tuple[str, int]:
    """The part of a line around the column that is worth showing, and the column in it. What cannot be printed is
    replaced, as a terminal might obey it."""
    start = max(0, min(column - _WIDEST // 2, len(text) - _WIDEST)) if len(text) > _WIDEST else 0
    part = text[start : start + _WIDEST]
    part = "".join(character if character.isprintable() or character == "\t" else "\ufffd" for character in part)
    end = "…" if start + _WIDEST < len(text) else ""
    if start:
        return f"…{part}{end}", column - start + 1
    return part + end, column


def shown(position: Position) -> str:
    """The position, its file relative to the working directory where it is below it."""
    return str(Position(shown_path(position.file), position.line, position.column))


def shown_path(path: Path | str) -> str:
    """`path` relative to the working directory where it is below it."""
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):  # the working directory is gone; another drive
        return str(path)
    return str(path) if relative.startswith("..") else relative


def _blocks(findings: Iterable[Finding], colour: bool) -> list[str]:
    lines: list[str] = []
    for finding in sorted(findings, key=lambda f: (f.position.file, f.position.line) if f.position else ("", 0)):
        lines += [*_finding(finding, colour), ""]
    return lines


def _finding(finding: Finding, colour: bool) -> list[str]:
    tint = colours.RED if finding.severity is Severity.ERROR else colours.YELLOW
    where = f"{shown(finding.position)}: " if finding.position else ""
    what = f"{finding.path}: {finding.message}" if finding.path else finding.message
    lines = [f"{paint(f'{finding.severity}[{finding.code}]', tint, colour)}: {visible_line(where + what)}"]
    if finding.position:
        lines += excerpt(finding.position, colour=colour)
    if finding.hint:
        lines.append(_hint(finding.hint, "  ", colour))
    return lines


def _hint(hint: str, indent: str, colour: bool) -> str:
    label = paint("hint", colours.BOLD, colour)
    return f"{indent}{label}: " + visible(hint).replace("\n", f"\n{indent}      ")


def _width(text: str, column: int) -> int:
    """How many carets: a key or a plain word whole, else one."""
    rest = text[column - 1 :]
    length = 0
    while length < len(rest) and (rest[length].isalnum() or rest[length] in "_-."):
        length += 1
    return max(length, 1)
