"""Turns nodes into the typed schema as yaml.v3 and Copilot's UnmarshalYAML methods do, and reports what is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping as AnyMapping
from typing import Any, Final

from emulator.manifest.findings.report import Report, child
from emulator.manifest.findings.suggestion import unknown_key
from emulator.manifest.findings.wording import ABSENT, MISSING_HINTS, PARSED_HINTS, describe, what, zero
from emulator.manifest.schema import shapes
from emulator.manifest.schema.base import Block
from emulator.manifest.schema.logs import Logging, LoggingSidecars, SidecarLogging
from emulator.manifest.schema.notations.values import parse_duration
from emulator.manifest.yaml import scalars
from emulator.manifest.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence
from emulator.manifest.yaml.untyped import untyped
from emulator.manifest.yaml.words import split_words

_NOTHING: Final = Block.model_construct()
_EMPTY_COUNTS: Final = ("Build", "Http")
"""Blocks in which an empty list or map counts as set: Copilot compares with nil there, and lengths elsewhere."""
Rule = Callable[[Block, Mapping, str], None]
"""Looks at one decoded block: the block, its node (an empty map for a shorthand) and its path."""


@dataclasses.dataclass(slots=True)
class Decoder:
    """Decodes one tree of a manifest of the model `workload`. `partial` is for an environment's override, where nothing
    is required; `rule` is called with every complete block; without `names`, keys were checked before; `known` has the
    names of the base's variables and secrets, for hints."""

    report: Report
    workload: type[Block]
    _: dataclasses.KW_ONLY
    partial: bool = False
    rule: Rule | None = None
    names: bool = True
    known: AnyMapping[str, str] = dataclasses.field(default_factory=dict)

    def block(self, node: Node, block: type[Block], path: str, swallower: str = "") -> object:
        """A block, None for one that is switched off, or ABSENT. `swallower` is the innermost block above whose type
        errors Copilot discards."""
        if block is LoggingSidecars:
            return self._logging_sidecars(node, path)
        if scalars.is_null(node) and not block.null:
            return ABSENT
        if isinstance(node, Mapping) and not block.parsed_only:
            return self._map_form(node, block, path, swallower)
        if isinstance(node, Scalar) and block.switch:
            return self._switch(node, block, path)
        if isinstance(node, Scalar) and block.parsed:
            try:
                value: Block = block.parse(node.text)
            except ValueError as error:
                self.report.add("CL107", node, path, str(error))
                return ABSENT
            return self._complete(value, node, path)
        if block.short:
            return self._short(node, block, path)
        form = "text" if block.parsed_only else "a map"
        return self._wrong(node, path, f"takes {form}, not {describe(node)}", swallower, block)

    def _switch(self, node: Scalar, block: type[Block], path: str) -> object:
        value = scalars.boolean(node)
        if value is None:
            self.report.add("CL103", node, path, f"takes true, false or a map, not {describe(node)}")
            return ABSENT
        if value and any(field.required for field in shapes.keys_of(block).values()):
            self.report.add(
                "CL109", node, path, "true without a map sets nothing up", copilot_accepts=True,
                hint="give a map, or remove the key",
            )  # fmt: skip
            return None
        return self._complete(block.model_construct(), node, path) if value else None

    def _short(self, node: Node, block: type[Block], path: str) -> object:
        field = shapes.fields_of(block)[block.short]
        if block.null and scalars.is_null(node):
            return self._make(block, {field.attribute: ""})
        if isinstance(node, Sequence) and not isinstance(field.shape, shapes.ListOf):
            if node.text is not None:
                return self._json_text(node, path)
            self.report.add("CL103", node, path, f"takes {what(field.shape)} or a map, not a list")
            return ABSENT
        value = self.value(node, field.shape, path)
        if value is ABSENT or (value == "" and block.blank_is_none):
            return ABSENT if value is ABSENT else None
        return self._complete(self._make(block, {field.attribute: value}), node, path)

    def _map_form(self, node: Mapping, block: type[Block], path: str, swallower: str) -> object:
        keys = shapes.keys_of(block)
        if block.swallows:
            swallower = path
        elif block.union or block.short:
            swallower = ""
        known = self._known(node, block, path)
        given = any(not scalars.is_null(entry.value) for entry in known.values())
        if not given and block.empty_is_none:
            return None
        if block.swallows and block.__name__ not in _EMPTY_COUNTS:
            given = any(not _is_nothing(entry.value, keys[name].shape) for name, entry in known.items())
        if not given and (block.swallows or block.union):
            return self._nothing_set(node, known, block, path)
        values: dict[str, Any] = {}
        complete = True
        for name, field in keys.items():
            entry = known.get(name)
            value: object = ABSENT
            if entry is not None:
                value = self.value(entry.value, field.shape, child(path, entry.key.text), swallower)
            if value is not ABSENT:
                values[field.attribute] = value
            elif field.required and not self.partial:
                complete = False
                if entry is None or scalars.is_null(entry.value):
                    message = f"{name} is missing" if path else f"the manifest has no {name}"
                    place = node if entry is None else entry.key
                    self.report.add("CL106", place, path, message, hint=MISSING_HINTS.get(name, ""))
        if block is Logging:
            values["firelens"] = any(name != "retention" for name in values)
        if not complete:
            return ABSENT
        return self._complete(self._make(block, values), node, path)

    def _nothing_set(self, node: Mapping, known: dict[str, Entry], block: type[Block], path: str) -> object:
        """Reports a map in which nothing is set that Copilot knows: it then tries the other form, and fails."""
        form = "true or false" if block.switch else "a single value"
        message = "sets none of its keys" if node.entries else "is an empty map"
        for name, entry in known.items():  # there may be unknown keys below
            self.value(entry.value, shapes.keys_of(block)[name].shape, child(path, entry.key.text))
        if empty := [name for name, entry in known.items() if not scalars.is_null(entry.value)]:
            message = f"sets nothing: {', '.join(empty)} {'is' if len(empty) == 1 else 'are'} empty"
        self.report.add("CL103", node, path, message, hint=f"set a key, write {form}, or remove it")
        return ABSENT

    def _known(self, node: Mapping, block: type[Block], path: str) -> dict[str, Entry]:
        keys, legacy = shapes.keys_of(block), shapes.legacy_of(block)
        known: dict[str, Entry] = {}
        for name, entry in node.entries.items():
            if name in keys:
                known[name] = entry
            elif name in legacy:
                self._legacy(node, block, name, entry, path, known)
            elif self.names:
                message, hint, code = unknown_key(block, name, path, entry.value, self.workload, self.known)
                place = child(path, entry.key.text)
                self.report.add(code, entry.key, place, message, hint=hint, copilot_accepts=True)
        return known

    def _legacy(
        self, node: Mapping, block: type[Block], old: str, entry: Entry, path: str, known: dict[str, Entry]
    ) -> None:
        name = shapes.legacy_of(block)[old].key
        place = child(path, entry.key.text)
        if name in node.entries:
            self.report.add("CL107", entry.key, place, f"give one of {name} and {old}, not both")
            return
        known[name] = entry
        message, in_copilot = f"{old} is an older spelling of {name}", True
        if not (block.__name__ == "Http" and old == "targetContainer"):
            message, in_copilot = f"{message}; Copilot ignores it", False
        self.report.add(
            "CL108", entry.key, place, message, warning=True, hint=f"write {name}", copilot_refuses=not in_copilot
        )

    def _make(self, block: type[Block], values: dict[str, Any]) -> Block:
        """The block with these attributes. Blocks of a partial tree are not used."""
        return _NOTHING if self.partial else block.model_construct(None, **values)

    def _complete(self, value: Block, node: Node, path: str) -> Block:
        if self.rule is not None:
            at = node if isinstance(node, Mapping) else Mapping({}, "", node.line, node.column)
            self.rule(value, at, path)
        return value

    def value(self, node: Node, shape: shapes.Shape, path: str, swallower: str = "") -> object:
        """The value of a node of any shape, or ABSENT."""
        match shape:
            case shapes.Model():
                return self.block(node, shape.block, path, swallower)
            case shapes.Untyped():
                return untyped(node)
            case shapes.MapOf():
                return self._map(node, shape, path, swallower)
            case shapes.ListOf():
                return self._list(node, shape, path, swallower)
        if not isinstance(node, Scalar):
            return self._wrong(node, path, f"takes {what(shape)}, not {describe(node)}", swallower, shape)
        if scalars.is_null(node):
            return ABSENT
        return self._scalar(node, shape, path, swallower)

    def _scalar(self, node: Scalar, shape: shapes.Shape, path: str, swallower: str) -> object:
        match shape:
            case shapes.Text():
                return node.text
            case shapes.Parsed():
                try:
                    return shape.parse(node.text)
                except ValueError as error:
                    self.report.add("CL107", node, path, str(error), hint=PARSED_HINTS.get(shape.what, ""))
                    return ABSENT
            case shapes.Choice():
                if (name := node.text.upper()) in shape.values.__members__:
                    return shape.values[name]
                names = ", ".join(value.value.lower() for value in shape.values)
                self.report.add("CL107", node, path, f"{node.text!r} is not one of {names}")
                return ABSENT
            case shapes.Boolean():
                if (flag := scalars.boolean(node)) is not None:
                    return flag
            case shapes.Duration():
                return self._duration(node, path, swallower)
            case shapes.Integer() | shapes.Number():
                return self._number(node, shape, path, swallower)
        return self._wrong(node, path, f"takes {what(shape)}, not {describe(node)}", swallower, shape)

    def _duration(self, node: Scalar, path: str, swallower: str) -> object:
        value = scalars.resolve(node)
        hint = "a number with a unit: ms, s, m or h (96h for four days)"
        if not isinstance(value, str):
            message = f"{node.text} is not a duration: it has no unit"
            if isinstance(value, int) and not isinstance(value, bool):
                hint = f"write {value}s"
            return self._wrong(node, path, message, swallower, shapes.Duration(), hint=hint)
        try:
            return parse_duration(value)
        except ValueError as error:
            return self._wrong(node, path, str(error), swallower, shapes.Duration(), hint=hint)

    def _number(self, node: Scalar, shape: shapes.Integer | shapes.Number, path: str, swallower: str) -> object:
        value = scalars.resolve(node)
        if isinstance(value, bool) or not isinstance(value, int | float):
            hint = ""
            if node.variables:
                hint = "Copilot turns an interpolated value into text; write the number, in `environments` if it varies"
            elif node.style and isinstance(scalars.plain(node.text), int):
                hint = "remove the quotes"
            message, certain = f"takes {what(shape)}, not {describe(node)}", bool(node.variables)
            return self._wrong(node, path, message, swallower, shape, hint=hint, certain=certain)
        if isinstance(shape, shapes.Number):
            return float(value)
        if isinstance(value, float):
            if value != value or value in (float("inf"), float("-inf")):
                return self._wrong(node, path, f"takes a whole number, not {node.text}", swallower, shape)
            if value != int(value):
                message = f"{node.text} is not a whole number; Copilot cuts it to {int(value)}"
                self.report.add("CL104", node, path, message, copilot_accepts=True)
            value = int(value)
        if not shape.bits.lowest <= value <= shape.bits.highest:
            message = f"{node.text} is out of range ({shape.bits.lowest} to {shape.bits.highest})"
            return self._wrong(node, path, message, swallower, shape)
        return value

    def _list(self, node: Node, shape: shapes.ListOf, path: str, swallower: str) -> object:
        if shape.shell_words or shape.one_or_many:
            swallower = ""
        if scalars.is_null(node):
            return ABSENT
        if isinstance(node, Scalar):
            if shape.shell_words:
                return self._words(node, path)
            if shape.one_or_many:
                item = self.value(node, shape.item, path)
                return ABSENT if item is ABSENT else [item]
        if not isinstance(node, Sequence):
            return self._wrong(node, path, f"takes {what(shape)}, not {describe(node)}", swallower, shape)
        items = []
        # Copilot's Alias.UnmarshalYAML reads a list with a map in it as maps alone: yaml.v3 leaves the rest out.
        unions = shape.one_or_many and isinstance(shape.item, shapes.Model)
        only_maps = unions and any(isinstance(it, Mapping) for it in node.items)
        for index, item_node in enumerate(node.items):
            if scalars.is_null(item_node):
                self.report.add(
                    "CL104", item_node, child(path, index), "an empty item, which Copilot drops", copilot_accepts=True
                )
                continue
            if only_maps and isinstance(item_node, Scalar):
                message = f"{item_node.text} stands beside a map, so Copilot drops it without a word"
                hint = f"write {{name: {item_node.text}}}"
                self.report.add("CL104", item_node, child(path, index), message, hint=hint, copilot_accepts=True)
                continue
            item = self.value(item_node, shape.item, child(path, index), swallower)
            if item is not ABSENT:
                items.append(item)
        return items

    def _words(self, node: Scalar, path: str) -> object:
        try:
            return split_words(node.text)
        except ValueError as error:
            message = f"cannot be split into words: {error}"
            self.report.add("CL107", node, path, message, hint="close the quote, or write a list")
            return ABSENT

    def _map(self, node: Node, shape: shapes.MapOf, path: str, swallower: str) -> object:
        if scalars.is_null(node):
            return ABSENT
        if not isinstance(node, Mapping):
            return self._wrong(node, path, f"takes a map, not {describe(node)}", swallower, shape)
        values: dict[str, object] = {}
        for name, entry in node.entries.items():
            place = child(path, entry.key.text)
            item_node = entry.value
            if scalars.is_null(item_node):
                if isinstance(shape.item, shapes.Text):
                    values[name] = ""
                    continue
                if isinstance(shape.item, shapes.Model) and not shape.item.block.null:
                    item_node = Mapping({}, "", entry.key.line, entry.key.column)
            value = self.value(item_node, shape.item, place, swallower)
            if value is not ABSENT:
                values[name] = value
        return values

    def _logging_sidecars(self, node: Node, path: str) -> object:
        """The extension `logging.sidecars`: true, a list of names, or a map from name to what differs."""
        if scalars.is_null(node):
            return ABSENT
        if isinstance(node, Scalar):
            flag = scalars.boolean(node)
            if flag is None:
                self.report.add(
                    "CL103", node, path, f"takes true, false, a list of names or a map, not {describe(node)}"
                )
                return ABSENT
            return LoggingSidecars.model_construct(everyone=True) if flag else None
        if isinstance(node, Sequence):
            names = self._list(node, shapes.ListOf(shapes.Text()), path, "")
            assert isinstance(names, list)
            return LoggingSidecars.model_construct(named={name: SidecarLogging.model_construct() for name in names})
        values = self._map(node, shapes.MapOf(shapes.Model(SidecarLogging)), path, "")
        assert isinstance(values, dict)
        return LoggingSidecars.model_construct(named={name: value for name, value in values.items() if value})

    def _json_text(self, node: Sequence, path: str) -> object:
        """A text that holds a JSON list of texts, where only text fits."""
        message = "Copilot turns a text that is a JSON list into a list, which does not fit here"
        hint = "write it as a literal block to keep the text: `|-`, and the text indented below"
        self.report.add("CL111", node, path, message, hint=hint)
        return ABSENT

    def _wrong(
        self,
        node: Node,
        path: str,
        message: str,
        swallower: str,
        shape: shapes.Shape | type[Block],
        hint: str = "",
        *,
        certain: bool = False,
    ) -> object:
        """Reports a value of the wrong type. Inside a block that swallows type errors Copilot goes on, with the zero
        value left behind, which is what this returns."""
        if isinstance(node, Sequence) and node.text is not None and not swallower:
            return self._json_text(node, path)
        if not swallower:
            self.report.add("CL103", node, path, message, hint=hint, certain=certain)
            return ABSENT
        value, shown = zero(shape)
        message = f"{message}; Copilot says nothing and {shown}"
        self.report.add("CL104", node, path, message, hint=hint, copilot_accepts=True, certain=certain)
        return value


def _is_nothing(node: Node, shape: shapes.Shape) -> bool:
    """Whether Copilot finds a key unset: null, an empty map or list, or a map of such keys."""
    if isinstance(node, Scalar):
        return scalars.is_null(node)
    if isinstance(node, Sequence):
        return not node.items
    if not isinstance(shape, shapes.Model):
        return not node.entries
    if shape.block.swallows or shape.block.union:
        return False  # reported by itself
    keys = shapes.keys_of(shape.block)
    return all(name not in keys or _is_nothing(entry.value, keys[name].shape) for name, entry in node.entries.items())
