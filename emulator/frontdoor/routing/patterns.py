"""The load balancer's wildcards: `*` is any text, `?` one character, and the whole value has to match."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\\[*?]|.", re.DOTALL)


def glob_regex(pattern: str, *, any_character: str = ".", escapes: bool = False) -> str:
    """The pattern as a regular expression that Python and PCRE read alike, without anchors.

    `any_character` is what a wildcard may stand for. With `escapes`, `\\*` and `\\?` are the characters themselves, as
    the elbv2 API has it for query-string conditions only.
    """
    tokens = _TOKEN.findall(pattern) if escapes else list(pattern)
    return "".join(_piece(token, any_character, escapes) for token in tokens)


def _piece(token: str, any_character: str, escapes: bool) -> str:
    if escapes and len(token) == 2:
        return token
    if token == "*":
        return f"(?:{any_character})*"
    if token == "?":
        return any_character
    return token if token.isalnum() and token.isascii() else f"\\x{ord(token):02x}"


def has_wildcards(pattern: str) -> bool:
    """Whether the pattern has a `*` or `?` at all."""
    return "*" in pattern or "?" in pattern
