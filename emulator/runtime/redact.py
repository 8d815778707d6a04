"""Takes secrets out of text that leaves the machine: a bug report's."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

SHORTEST = 3
"""Characters. A shorter value is found in half of all words: it is left, and named in `unsafe`."""
_TELLING = re.compile(r"(?i)passw|secret|token|api_?key|access_?key|private_?key|credential")


def sounds_secret(name: str) -> bool:
    """Whether a variable's name says that its value is one, although its manifest holds it in the clear."""
    return _TELLING.search(name) is not None


class Redactor:
    """Replaces values by their names, also where they stand as JSON, in a URL or as Base64."""

    def __init__(self, secrets: Iterable[tuple[str, str]]) -> None:
        self.unsafe: set[str] = set()
        """Names of values that are too short to be found."""
        replacements: dict[str, str] = {}
        for name, value in secrets:
            if len(value.strip()) < SHORTEST:
                self.unsafe |= {name} if value.strip() else set()
                continue
            for form in _forms(value):
                replacements.setdefault(form, f"<{name}>")
        # The longest first: one value may be the beginning of another.
        self._replacements: Mapping[str, str] = dict(sorted(replacements.items(), key=lambda pair: -len(pair[0])))
        self._pattern = re.compile("|".join(map(re.escape, self._replacements))) if replacements else None

    def __call__(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: self._replacements[found[0]], text)


def _forms(value: str) -> set[str]:
    """The value as it stands in text, in each line of it, and encoded."""
    lines = [line for line in value.splitlines() if len(line.strip()) >= SHORTEST]
    encoded = base64.b64encode(value.encode()).decode().rstrip("=")
    found = {value, *lines, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], encoded}
    return found | {quote(value, safe=""), quote_plus(value)}
