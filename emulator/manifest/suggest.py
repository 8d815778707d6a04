"""What somebody meant who wrote a key that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from emulator.manifest import shapes
from emulator.manifest.nodes import Node
from emulator.manifest.schema.base import Block


def closest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` is most probably a misspelling of; empty where none is close."""
    candidates = {name.lower().replace("-", "_"): name for name in known}
    plain = word.lower().replace("-", "_")
    if plain in candidates:
        return candidates[plain]
    squeezed = {name.replace("_", ""): name for name in candidates}
    if (same := squeezed.get(plain.replace("_", ""))) is not None:
        return candidates[same]
    found = difflib.get_close_matches(plain, candidates, n=1, cutoff=0.7)
    return candidates[found[0]] if found else ""


def unknown_key(block: type[Block], name: str, path: str, value: Node) -> tuple[str, str, str]:
    """Message, hint and code for a key that `block` does not have."""
    del path, value
    meant = closest(name, shapes.keys_of(block))
    hint = f"did you mean {meant}?" if meant else "known keys: " + ", ".join(shapes.keys_of(block))
    return f"unknown key {name}, which Copilot ignores silently", hint, "CL101"
