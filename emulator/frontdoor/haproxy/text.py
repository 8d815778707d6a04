"""Text inside a HAProxy configuration file."""

from __future__ import annotations


def quote(text: str) -> str:
    """One word of the file, whatever it contains. Single quotes keep HAProxy from reading `$` and backslashes."""
    return "'" + text.replace("'", "'\\''") + "'"


def literal(text: str) -> str:
    """Text inside a log-format string, where a percent sign starts a variable."""
    return text.replace("%", "%%")


def duration(seconds: float) -> str:
    """A time as HAProxy writes it: `30s`, or milliseconds where it is not whole."""
    return f"{int(seconds)}s" if seconds == int(seconds) else f"{max(1, round(seconds * 1000))}ms"
