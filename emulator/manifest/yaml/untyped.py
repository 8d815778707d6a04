"""Values that the schema gives no type to."""

from __future__ import annotations

from emulator.manifest.yaml import scalars
from emulator.manifest.yaml.nodes import Mapping, Node, Sequence


def untyped(node: Node) -> object:
    """Plain values of a node of no particular type. CloudFormation tags become their long form."""
    value: object
    if isinstance(node, Mapping):
        value = {name: untyped(entry.value) for name, entry in node.entries.items()}
    elif isinstance(node, Sequence):
        value = [untyped(item) for item in node.items]
    else:
        value = scalars.resolve(node)
    tag = node.tag
    if not tag.startswith("!") or len(tag) == 1 or tag.startswith("!!"):
        return value
    name = tag[1:]
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}
