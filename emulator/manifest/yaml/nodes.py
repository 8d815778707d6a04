"""The tree a manifest is read into: scalars that keep their source text, and every node with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(slots=True, eq=False)
class Scalar:
    """A scalar as written. `text` is its content without quotes; `style` is None for a plain scalar, else `'`, `"`, `|`
    or `>`; `tag` is an explicit tag (`!Ref`, `!!str` in full form) or empty. `variables` names the `${VAR}` that
    interpolation put into it."""

    text: str
    style: str | None
    tag: str
    line: int
    column: int
    width: int = 1
    variables: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Sequence:
    """A list. `text` is the JSON text that interpolation made it from, None where the file has a list."""

    items: list[Node]
    tag: str
    line: int
    column: int
    text: str | None = None


@dataclass(slots=True, eq=False)
class Entry:
    """A key with its value. `origin` names the environment whose override put it there, empty for the base."""

    key: Scalar
    value: Node
    origin: str = ""


@dataclass(slots=True, eq=False)
class Mapping:
    """A map. Keys are text, as Copilot's structs and string maps have them, in the order of the file."""

    entries: dict[str, Entry]
    tag: str
    line: int
    column: int

    def get(self, key: str) -> Node | None:
        """The value under `key`, or None where the key is absent."""
        entry = self.entries.get(key)
        return None if entry is None else entry.value


Node: TypeAlias = Scalar | Sequence | Mapping


def children(node: Node) -> Iterator[Node]:
    """The nodes right below `node`, keys left out."""
    if isinstance(node, Mapping):
        for entry in node.entries.values():
            yield entry.value
    elif isinstance(node, Sequence):
        yield from node.items
