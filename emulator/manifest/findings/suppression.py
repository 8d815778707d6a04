"""Findings that the user has silenced: by code in the settings, or by a comment in the file."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from emulator.errors import Finding, Position, Severity
from emulator.files import read_text
from emulator.manifest.findings.codes import CODES

_COMMENT = re.compile(r"#\s*copilot-local:\s*ignore\b(.*)$")
_CODE = re.compile(r"[A-Za-z]+\d+")


@dataclass(frozen=True, slots=True)
class _Comment:
    line: int
    column: int
    codes: frozenset[str]
    alone: bool  # nothing else on its line: it is about the next line


def silence(findings: list[Finding], lines: list[str], file: str, ignored: Iterable[str] = ()) -> list[Finding]:
    """The findings that are left. `ignored` are codes from the settings; `# copilot-local: ignore CL101 CL104` at the
    end of a line is about that line, on a line of its own about the next one. What leaves no usable manifest cannot be
    silenced; a comment that names no known code is a finding itself (CL115)."""
    everywhere = frozenset(ignored)
    comments = _comments(lines)
    by_line: dict[int, set[str]] = {}
    left: list[Finding] = []
    for comment in comments:
        by_line.setdefault(comment.line + comment.alone, set()).update(comment.codes)
        unknown = sorted(comment.codes.difference(CODES))
        if (unknown or not comment.codes) and "CL115" not in everywhere:
            message = f"there is no finding {', '.join(unknown)}" if unknown else "the comment names no finding"
            hint = "write # copilot-local: ignore CL101"
            position = Position(file, comment.line, comment.column)
            left.append(Finding("CL115", message, position, hint=hint, severity=Severity.WARNING))
    for finding in findings:
        line = finding.position.line if finding.position else 0
        named = finding.code in everywhere or finding.code in by_line.get(line, ())
        if not (named and _silenceable(finding)):
            left.append(finding)
    return left


def unsilenced(findings: Iterable[Finding], ignored: Iterable[str] = ()) -> list[Finding]:
    """The findings that are left, each silenced as `silence` does by the comments of the file that it is about. For
    what is found after manifests were checked: it adds no finding about comments."""
    codes = tuple(ignored)
    left: list[Finding] = []
    for finding in findings:
        lines: list[str] = []
        file = finding.position.file if finding.position else ""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            lines = read_text(file).splitlines() if file else []
        left += [one for one in silence([finding], lines, file, codes) if one is finding]
    return left


def _silenceable(finding: Finding) -> bool:
    if finding.severity is Severity.WARNING or finding.copilot_accepts:
        return True
    from emulator.manifest.findings.catalogue import KINDS  # seldom needed, and long

    kind = KINDS.get(finding.code)
    return kind is not None and kind.silenceable


def _comments(lines: list[str]) -> list[_Comment]:
    found: list[_Comment] = []
    for number, line in enumerate(lines, start=1):
        if "copilot-local:" not in line:
            continue
        comment = _COMMENT.search(line)
        if comment is None:
            continue
        codes = frozenset(code.upper() for code in _CODE.findall(comment[1].partition("#")[0]))
        found.append(_Comment(number, comment.start() + 1, codes, not line[: comment.start()].strip()))
    return found
