"""What Fluent Bit prints that tells of no trouble: its banner, and what it says at level info and below."""

from __future__ import annotations

import re

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LEVEL = re.compile(r"\[\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d+)?\] \[\s*(?:info|debug|trace|help)\s*\]")
_GO_PLUGIN = re.compile(r'time="[^"]*" level=(?:info|debug|trace) ')
_BANNER = re.compile(
    r"Fluent Bit v\d[\w.-]*"
    r"|Git commit: \w*"
    r"|AWS for Fluent Bit Container Image Version .*"
    r"|\* (?:Copyright \(C\) .*Fluent Bit Authors|Fluent Bit is a CNCF .*|https://fluentbit\.io)"
    r"|"
)
_ART = re.compile(r"(?=.*[|_\\]\s?[|_/\\ ])[\s|_/\\().`',<>V:0-9-]{12,}")
"""The letters that newer versions draw."""


def is_chatter(text: str) -> bool:
    """Whether a line of a log router may be left out unless everything is asked for. Warnings, errors, and records
    that a router prints, are not."""
    plain = _COLOURS.sub("", text).rstrip()
    return bool(
        _LEVEL.match(plain) or _GO_PLUGIN.match(plain) or _BANNER.fullmatch(plain.strip()) or _ART.fullmatch(plain)
    )


def telling(lines: list[str]) -> list[str]:
    """The lines of a log router without its chatter; all where it said nothing else."""
    return [line for line in lines if not is_chatter(line)] or lines
