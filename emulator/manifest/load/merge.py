"""Lays one environment's overrides over the base manifest, on nodes, so that every value keeps its place in the file.

The rules are Copilot's (internal/pkg/manifest/transform.go with mergo): scalars and lists replace, maps are merged key
by key, and where a block has several forms, giving one form discards the other.
"""

from __future__ import annotations

from typing import Final

from emulator.manifest.schema import shapes
from emulator.manifest.schema.base import Block
from emulator.manifest.schema.containers import Exec, Image
from emulator.manifest.schema.scaling import Count
from emulator.manifest.schema.storage import Efs, StringOrExport
from emulator.manifest.yaml import scalars
from emulator.manifest.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence

_AUTOSCALING: Final = frozenset(
    ("range", "cooldown", "cpu_percentage", "memory_percentage", "requests", "response_time", "queue_delay")
)
# Keys of one block that exclude each other: an override that has one of a group drops the other group.
_EXCLUSIVE: Final[dict[type[Block], tuple[frozenset[str], frozenset[str]]]] = {
    Image: (frozenset(("build",)), frozenset(("location",))),
    Count: (frozenset(("spot",)), _AUTOSCALING),
    Efs: (frozenset(("uid", "gid")), frozenset(("id", "root_dir", "auth"))),
}


def merge(
    base: Mapping, override: Mapping | None, block: type[Block], environment: str, lost: list[Node] | None = None
) -> Mapping:
    """The base with the override of `environment` (None: nothing) laid over it. `environments` is left out, and older
    spellings of keys are replaced by today's. Neither tree is changed. `lost` gets the keys of the override that
    change nothing, since the base's other form wins."""
    shape = shapes.Model(block)
    merged = _canonical(base, shape)
    assert isinstance(merged, Mapping)
    merged.entries.pop("environments", None)
    if override is None:
        return merged
    canonical = _canonical(override, shape)
    assert isinstance(canonical, Mapping)
    return _Merge(environment, [] if lost is None else lost).blocks(merged, canonical, block)


def _canonical(node: Node, shape: shapes.Shape) -> Node:
    """A copy of the tree in which every key has its present name. Leaves are shared."""
    if isinstance(node, Mapping):
        if isinstance(shape, shapes.Model):
            return _canonical_block(node, shape.block)
        if isinstance(shape, shapes.MapOf):
            entries = {
                name: Entry(entry.key, _canonical(entry.value, shape.item), entry.origin)
                for name, entry in node.entries.items()
            }
            return Mapping(entries, node.tag, node.line, node.column)
    elif isinstance(node, Sequence) and isinstance(shape, shapes.ListOf):
        return Sequence([_canonical(item, shape.item) for item in node.items], node.tag, node.line, node.column)
    return node


def _canonical_block(node: Mapping, block: type[Block]) -> Mapping:
    keys, legacy = shapes.keys_of(block), shapes.legacy_of(block)
    entries: dict[str, Entry] = {}
    for name, entry in node.entries.items():
        if name not in keys and name in legacy:
            name = legacy[name].key
            if name in node.entries:
                continue  # both are given, which is reported; the present one counts
        field = keys.get(name)
        value = entry.value if field is None else _canonical(entry.value, field.shape)
        entries[name] = entry if value is entry.value else Entry(entry.key, value, entry.origin)
    return Mapping(entries, node.tag, node.line, node.column)


def _is_given(node: Node, field: shapes.Field | None) -> bool:
    """Whether a key of a block counts as given: with null it does not, nor with a text that stands for no block."""
    if field is not None and isinstance(field.shape, shapes.Model) and field.shape.block.blank_is_none:
        return not (scalars.is_null(node) or (isinstance(node, Scalar) and not node.text))
    return not scalars.is_null(node)


def _base_wins(block: type[Block], base: Node, override: Node) -> bool:
    """Whether the base stays although the override has the other form. Copilot has no transformer for these blocks, so
    that both forms are there after the merge, and its renderer looks at one of them first."""
    if block is Exec:  # `convertExecuteCommand`: a map is on, whatever the boolean is
        return isinstance(base, Mapping)
    if block.__name__ == "FifoQueue":  # by name: only workers bring its model. `convertQueue`: true, else the map
        if isinstance(base, Mapping):
            return isinstance(override, Scalar) and scalars.boolean(override) is False
        return isinstance(override, Mapping) and isinstance(base, Scalar) and scalars.boolean(base) is True
    # `convertFileSystemID`: the text, else the export
    return (
        block is StringOrExport
        and isinstance(base, Scalar)
        and not scalars.is_null(base)
        and isinstance(override, Mapping)
    )


class _Merge:
    """Lays the override of one environment over the base."""

    def __init__(self, environment: str, lost: list[Node]) -> None:
        self.environment = environment
        self.lost = lost

    def blocks(self, base: Mapping, override: Mapping, block: type[Block]) -> Mapping:
        entries = dict(base.entries)
        fields = shapes.keys_of(block)
        given = {name for name, entry in override.entries.items() if _is_given(entry.value, fields.get(name))}
        for kind, groups in _EXCLUSIVE.items():
            if issubclass(block, kind):
                for mine, other in (groups, groups[::-1]):
                    if given & mine and not given & other:
                        entries = {name: entry for name, entry in entries.items() if name not in other}
        for name, entry in override.entries.items():
            if scalars.is_null(entry.value):
                continue
            existing = entries.get(name)
            field = fields.get(name)
            if existing is None or field is None:
                entries[name] = Entry(entry.key, entry.value, self.environment)
            else:
                entries[name] = self._entry(existing, entry, field.shape)
        return Mapping(entries, base.tag, base.line, base.column)

    def _entry(self, base: Entry, override: Entry, shape: shapes.Shape) -> Entry:
        if isinstance(shape, shapes.Model) and _base_wins(shape.block, base.value, override.value):
            if not (isinstance(override.value, Scalar) and scalars.boolean(override.value)):  # true over a map: the map
                self.lost.append(override.key)
            return base
        value = self._value(base.value, override.value, shape)
        if value is override.value:
            return Entry(override.key, value, self.environment)
        return Entry(base.key, value, base.origin)

    def _value(self, base: Node, override: Node, shape: shapes.Shape) -> Node:
        if isinstance(base, Mapping) and isinstance(override, Mapping):
            if isinstance(shape, shapes.Model) and not shape.block.null:
                return self.blocks(base, override, shape.block)
            if isinstance(shape, shapes.MapOf):
                return self._maps(base, override, shape)
        return override

    def _maps(self, base: Mapping, override: Mapping, shape: shapes.MapOf) -> Mapping:
        replaced_by_null = isinstance(shape.item, shapes.Text) or (
            isinstance(shape.item, shapes.Model) and shape.item.block.null
        )
        entries = dict(base.entries)
        for name, entry in override.entries.items():
            existing = entries.get(name)
            if scalars.is_null(entry.value) and not replaced_by_null:
                if existing is None:
                    entries[name] = Entry(entry.key, entry.value, self.environment)
                continue
            if existing is None or scalars.is_null(existing.value):
                entries[name] = Entry(entry.key, entry.value, self.environment)
            else:
                entries[name] = self._entry(existing, entry, shape.item)
        return Mapping(entries, base.tag, base.line, base.column)
