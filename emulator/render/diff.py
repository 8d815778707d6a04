"""What changed between two documents, by path: not lines of text, but values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from emulator.ecs.properties import scalar_text

_KEYS = ("Name", "name", "PolicyName", "Key", "ContainerName", "containerName", "Sid", "Id")
"""What names an item of a list."""
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs; `old` or `new` is absent (`ABSENT`) where it was added or removed."""

    path: str
    old: object
    new: object

    def __str__(self) -> str:
        if self.old is ABSENT:
            return f"+ {self.path}: {_short(self.new)}"
        if self.new is ABSENT:
            return f"- {self.path}: {_short(self.old)}"
        return f"~ {self.path}: {_short(self.old)} → {_short(self.new)}"


ABSENT = object()


def changes(old: object, new: object, path: str = "") -> Iterator[Change]:
    """Every difference, in the order of the new document, then what is gone. Items of lists are matched by their names
    where all have one, else by place. Numbers equal the text they are written as."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in new.items():
            yield from changes(old.get(key, ABSENT), value, f"{path}.{key}" if path else str(key))
        for key, value in old.items():
            if key not in new:
                yield Change(f"{path}.{key}" if path else str(key), value, ABSENT)
    elif isinstance(old, list) and isinstance(new, list):
        before, after = _by_name(old), _by_name(new)
        if before is None or after is None:
            before = {str(number): item for number, item in enumerate(old)}
            after = {str(number): item for number, item in enumerate(new)}
        for name, item in after.items():
            yield from changes(before.get(name, ABSENT), item, f"{path}[{name}]")
        for name, item in before.items():
            if name not in after:
                yield Change(f"{path}[{name}]", item, ABSENT)
    elif scalar_text(old) != scalar_text(new):
        yield Change(path, old, new)


def _by_name(items: list[object]) -> dict[str, object] | None:
    found: dict[str, object] = {}
    for item in items:
        name = next((item[key] for key in _KEYS if key in item), None) if isinstance(item, dict) else None
        if not isinstance(name, str) or name in found:
            return None
        found[name] = item
    return found


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
