"""Manifests of types that do not run on ECS, read as plain data with places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.errors import InputError, Position
from emulator.files import read_text
from emulator.manifest.yaml.nodes import Mapping as MappingNode
from emulator.manifest.yaml.nodes import Node
from emulator.manifest.yaml.reader import parse_node
from emulator.manifest.yaml.untyped import untyped


@dataclass(frozen=True, slots=True)
class UntypedManifest:
    """A manifest as it stands in its file."""

    path: str
    content: Mapping[str, object]
    root: MappingNode

    @property
    def type(self) -> str:
        """What the manifest calls itself; empty where it does not."""
        return str(self.content.get("type") or "")

    def position(self, place: str) -> Position | None:
        """Where a path (`http.private`) stands, None where it is not there; empty: the file's beginning."""
        if not place:
            return Position(self.path, 1)
        node: Node = self.root
        found = None
        for step in place.split("."):
            entry = node.entries.get(step) if isinstance(node, MappingNode) else None
            if entry is None:
                return None
            found, node = Position(self.path, entry.key.line, entry.key.column), entry.value
        return found


def read_untyped(path: Path) -> UntypedManifest:
    """The manifest in a file. Raises InputError where it cannot be read or is no map."""
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path} cannot be read: {reason}") from None
    node = parse_node(text, str(path))
    if not isinstance(node, MappingNode):
        raise InputError("this is no manifest: it is no map", position=Position(str(path), 1))
    content = untyped(node)
    assert isinstance(content, dict)
    return UntypedManifest(str(path), content, node)
