"""Filter patterns of CloudWatch Logs over unstructured text: terms, phrases, `?either`, `-not`, `%regex%` refused.

Source: the CloudWatch Logs user guide, "Filter pattern syntax".
"""

from __future__ import annotations

import re
from collections.abc import Callable

from emulator.api.errors import invalid

_TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))')

Matches = Callable[[str], bool]


def matcher(pattern: str) -> Matches:
    """Whether a message matches. Raises `ApiError` for a pattern that is not evaluated here."""
    text = pattern.strip()
    if text.startswith(("{", "[")) or re.search(r"(?:^|\s)[?-]?%", text):
        raise invalid(
            "Filter patterns of JSON, of columns and of regular expressions are not evaluated on this machine."
        )
    required: list[str] = []
    optional: list[str] = []
    excluded: list[str] = []
    for sign, phrase, word in _TERM.findall(text):
        term = re.sub(r"\\(.)", r"\1", phrase) if phrase else word
        if not re.fullmatch(r"[\w.:/*,;=@#$&'<>|~^+()\[\]{}!?-]+", term, re.ASCII) and not phrase:
            raise invalid(f"Invalid character(s) in term '{term}'")
        {"": required, "?": optional, "-": excluded}[sign].append(term)

    def matches(message: str) -> bool:
        if any(term in message for term in excluded):
            return False
        # `?` is ignored beside terms that are required.
        if required or not optional:
            return all(term in message for term in required)
        return any(term in message for term in optional)

    return matches
