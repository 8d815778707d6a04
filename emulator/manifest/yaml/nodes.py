"""The tree a manifest is read into: scalars that keep their source text, and every node with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias


class Scalar:
    """A scalar as written. `text` is its content without quotes; `style` is None for a plain scalar, else `'`, `"`, `|`
    or `>`; `tag` is an explicit tag (`!Ref`, `!!str` in full form) or empty. `variables` names the `${VAR}` that
    interpolation put into it."""

    __slots__ = ("column", "line", "style", "tag", "text", "variables", "width")

    def __init__(self, text: str, style: str | None, tag: str, line: int, column: int, width: int = 1) -> None:
        self.text = text
        self.style = style
        self.tag = tag
        self.line = line
        self.column = column
        self.width = width
        self.variables: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Scalar({self.text!r}, {self.line}:{self.column})"


class Sequence:
    """A list. `text` is the JSON text that interpolation made it from, None where the file has a list."""

    __slots__ = ("column", "items", "line", "tag", "text")

    def __init__(self, items: list[Node], tag: str, line: int, column: int, text: str | None = None) -> None:
        self.text = text
        self.items = items
        self.tag = tag
        self.line = line
        self.column = column


class Entry:
    """A key with its value. `origin` names the environment whose override put it there, empty for the base."""

    __slots__ = ("key", "origin", "value")

    def __init__(self, key: Scalar, value: Node, origin: str = "") -> None:
        self.key = key
        self.value = value
        self.origin = origin


class Mapping:
    """A map. Keys are text, as Copilot's structs and string maps have them, in the order of the file."""

    __slots__ = ("column", "entries", "line", "tag")

    def __init__(self, entries: dict[str, Entry], tag: str, line: int, column: int) -> None:
        self.entries = entries
        self.tag = tag
        self.line = line
        self.column = column

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
