"""How values and types are called in findings, and what Copilot's decoder leaves behind for a wrong one."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from emulator.manifest.schema import shapes
from emulator.manifest.schema.base import Block
from emulator.manifest.schema.notations.values import format_duration
from emulator.manifest.yaml import scalars
from emulator.manifest.yaml.nodes import Mapping, Node, Sequence


class Absent:
    """There is no value: the key is null, or its value is wrong and reported."""


ABSENT: Final = Absent()


def zero(shape: shapes.Shape | type[Block]) -> tuple[object, str]:
    """What Copilot's decoder leaves in a pointer field whose value had the wrong type, and how to say it."""
    if isinstance(shape, type | shapes.Model):
        block = shape if isinstance(shape, type) else shape.block
        if any(field.required for field in shapes.keys_of(block).values()) or block.swallows or block.union:
            return ABSENT, "ignores it"
        return block.model_construct(), "takes it for an empty map"
    match shape:
        case shapes.Text():
            return "", "uses an empty text"
        case shapes.Integer():
            return 0, "uses 0"
        case shapes.Number():
            return 0.0, "uses 0"
        case shapes.Boolean():
            return False, "uses false"
        case shapes.Duration():
            return timedelta(0), f"uses {format_duration(timedelta(0))}"
    return ABSENT, "ignores it"


def what(shape: shapes.Shape) -> str:
    """What a field of this shape takes."""
    match shape:
        case shapes.Integer():
            return "a whole number"
        case shapes.Number():
            return "a number"
        case shapes.Boolean():
            return "true or false"
        case shapes.Duration():
            return "a duration"
        case shapes.Parsed():
            return shape.what
        case shapes.ListOf():
            if shape.shell_words:
                return "text or a list of texts"
            return "one or more values" if shape.one_or_many else "a list"
        case shapes.Model() | shapes.MapOf():
            return "a map"
    return "text"


def describe(node: Node) -> str:
    """What stands in the file instead."""
    if isinstance(node, Mapping):
        return "a map"
    if isinstance(node, Sequence):
        return "a list"
    if node.style or node.variables or isinstance(scalars.resolve(node), str):
        shown = node.text if len(node.text) <= 40 else node.text[:39] + "…"
        return f"the text {shown!r}"
    return node.text or "nothing"


MISSING_HINTS: Final = {
    "path": "the path whose requests the service gets, such as '/'",
    "image": "give image.build (a Dockerfile) or image.location (an existing image)",
    "schedule": 'for example "@daily", "rate(1 hour)" or "0 12 * * MON"',
    "on": "a job needs on.schedule",
    "version": "write version: 1",
}
PARSED_HINTS: Final = {"a CIDR block": "an address with a prefix length: 10.0.0.0/16, or /32 for a single one"}
