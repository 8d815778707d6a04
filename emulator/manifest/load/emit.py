"""The merged manifest as YAML or JSON, and where each of its values came from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from emulator.errors import InputError, Position
from emulator.manifest.findings.report import child, split_path
from emulator.manifest.load.interpolate import json_texts
from emulator.manifest.load.loader import LoadedManifest
from emulator.manifest.schema import shapes
from emulator.manifest.schema.logs import LoggingSidecars, SidecarLogging
from emulator.manifest.yaml import scalars
from emulator.manifest.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence
from emulator.manifest.yaml.untyped import untyped
from emulator.spelling import closest

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_PLAIN_TEXT: Final = re.compile(r"[A-Za-z0-9_./+~-][A-Za-z0-9_./+@%~ -]*(?<! )")
_PATH_HINT: Final = "for example http.path or sidecars.nginx.image"
_VARIABLE: Final = re.compile(r"\$\{(?=[_a-zA-Z][_a-zA-Z0-9]*\})")


def as_yaml(loaded: LoadedManifest) -> str:
    """The manifest merged for its environment, with variables filled in. Loading this text gives the same manifest."""
    lines: list[str] = []
    _block(loaded.tree, "", lines)
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of `as_yaml`, or the lines of one literal text, with where its value came from."""

    text: str
    position: Position
    environment: str
    """The environment whose override put it there; empty for the base."""
    variables: tuple[str, ...]
    """Whose values were filled in."""


def lines_with_origin(loaded: LoadedManifest) -> list[Line]:
    """The text of `as_yaml`, a line each, with its origin."""
    texts: list[str] = []
    _block(loaded.tree, "", texts)
    return [
        Line(text, Position(str(loaded.path), node.line, node.column), environment, tuple(sorted(set(used))))
        for text, (node, environment, used) in zip(texts, _origins(loaded.tree, ""), strict=True)
    ]


def _origins(node: Mapping | Sequence, environment: str) -> Iterator[tuple[Node, str, list[str]]]:
    """What each line that `_block` makes of a collection is of: a key or an item, and the variables of its scalar."""
    if isinstance(node, Mapping):
        for entry in node.entries.values():
            origin = entry.origin or environment
            yield entry.key, origin, _variables(entry.value) if isinstance(entry.value, Scalar) else []
            if not isinstance(entry.value, Scalar):
                yield from _origins(entry.value, origin)
    else:
        for item in node.items:
            merged = isinstance(item, Mapping) and item.entries and not item.tag.startswith("!")
            if not merged:
                yield item, environment, _variables(item) if isinstance(item, Scalar) else []
            if not isinstance(item, Scalar):
                yield from _origins(item, environment)


def _block(node: Mapping | Sequence, indent: str, lines: list[str]) -> None:
    """The lines of a collection that is not empty."""
    if isinstance(node, Mapping):
        for name, entry in node.entries.items():
            _value(f"{indent}{_key(name)}:", entry.value, indent + "  ", lines)
    else:
        for item in node.items:
            if isinstance(item, Mapping) and item.entries and not item.tag.startswith("!"):
                start = len(lines)
                _block(item, indent + "  ", lines)
                lines[start] = f"{indent}- {lines[start][len(indent) + 2 :]}"
            else:
                _value(f"{indent}-", item, indent + "  ", lines)


def _value(head: str, node: Node, indent: str, lines: list[str]) -> None:
    tag = f" {node.tag}" if node.tag.startswith("!") and len(node.tag) > 1 else ""
    if isinstance(node, Scalar):
        text = _scalar(node, indent)
        lines.append(f"{head}{tag} {text}".rstrip() if text else head + tag)
    elif isinstance(node, Mapping) and not node.entries:
        lines.append(f"{head}{tag} {{}}")
    elif isinstance(node, Sequence) and not node.items:
        lines.append(f"{head}{tag} []")
    else:
        lines.append(head + tag)
        _block(node, indent, lines)


def _key(name: str) -> str:
    return name if _PLAIN_KEY.fullmatch(name) and name not in ("null", "Null", "NULL") else _quoted(name)


def _scalar(node: Scalar, indent: str) -> str:
    text = node.text
    core = node.tag.removeprefix("tag:yaml.org,2002:") if node.tag.startswith("tag:yaml.org") else ""
    if core and core != "str":
        return f"!!{core} {_quoted(text)}"
    plain = node.style is None and not node.variables and not core
    if plain and not isinstance(scalars.plain(text), str):
        return text
    literal = _VARIABLE.sub(r"\\${", text)
    if json_texts(text) is not None:
        # As a literal block it stays text when it is loaded again; 2 is the depth of its indentation.
        kept = literal.endswith("\n")
        body = "\n".join(indent + line for line in literal.removesuffix("\n").split("\n"))
        return f"|2{'+' if kept else '-'}\n{body}"
    if plain and _PLAIN_TEXT.fullmatch(text):
        return text
    return _quoted(literal)


def _quoted(text: str) -> str:
    """Double-quoted YAML: JSON's escapes, and YAML's own for what it does not print."""
    quoted = json.dumps(text, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", quoted)


def as_json(loaded: LoadedManifest) -> str:
    """The merged manifest as JSON. Fields that hold text are texts there, whatever they look like in YAML."""
    return json.dumps(_plain(loaded.tree, shapes.Model(type(loaded.manifest))), indent=2, ensure_ascii=False)


def _plain(node: Node, shape: shapes.Shape) -> object:
    if isinstance(shape, shapes.Untyped):
        return untyped(node)
    if isinstance(node, Mapping):
        if shape == shapes.Model(LoggingSidecars):
            shape = shapes.MapOf(shapes.Model(SidecarLogging))
        if isinstance(shape, shapes.Model):
            fields = shapes.keys_of(shape.block)
            return {
                name: _plain(entry.value, fields[name].shape if name in fields else shapes.Untyped())
                for name, entry in node.entries.items()
            }
        item = shape.item if isinstance(shape, shapes.MapOf) else shapes.Text()
        return {name: _plain(entry.value, item) for name, entry in node.entries.items()}
    if isinstance(node, Sequence):
        item = shape.item if isinstance(shape, shapes.ListOf) else shapes.Text()
        return [_plain(child_node, item) for child_node in node.items]
    value = scalars.resolve(node)
    if isinstance(shape, shapes.Model) and shape.block.short:
        return _plain(node, shapes.fields_of(shape.block)[shape.block.short].shape)
    switch = isinstance(shape, shapes.Model) and (shape.block.switch or shape.block is LoggingSidecars)
    if switch or isinstance(shape, shapes.Boolean):
        flag = scalars.boolean(node)
        return value if flag is None else flag
    if isinstance(shape, shapes.Integer | shapes.Number) or value is None:
        return value
    return node.text


@dataclass(frozen=True, slots=True)
class _Explained:
    """What a key leads to. Not set: `found` or `value` is None."""

    path: str
    found: Entry | Node | None
    value: Node | None
    environment: str
    default: str


def explain(loaded: LoadedManifest, key: str) -> str:
    """Where the value of one key came from: its line, the environment that set it, the variables in it, or the default.

    Raises InputError for a key that the manifest cannot have.
    """
    one = _look_up(loaded, key)
    if one.found is None or one.value is None:
        return f"{one.path}: not set" + (f"; the default is {one.default}" if one.default else "")
    node = one.found.key if isinstance(one.found, Entry) else one.found
    lines: list[str] = []
    _value(f"{one.path}:", one.value, "  ", lines)
    place = f"from {Position(str(loaded.path), node.line, node.column)}"
    if one.environment:
        place += f", environment {one.environment}"
    if used := sorted(set(_variables(one.value))):
        place += f", with {'variable' if len(used) == 1 else 'variables'} {', '.join(used)}"
    return "\n".join([*lines, place])


def is_set(loaded: LoadedManifest, key: str) -> bool:
    """Whether the merged manifest has a key. Raises InputError for one that it cannot have."""
    one = _look_up(loaded, key)
    return one.found is not None and one.value is not None


def _look_up(loaded: LoadedManifest, key: str) -> _Explained:
    try:
        steps = split_path(key)
    except ValueError as error:
        raise InputError(str(error), hint=_PATH_HINT) from error
    if not steps:
        raise InputError("which key is to be explained?", hint=_PATH_HINT)
    here: Node | None = loaded.tree
    shape: shapes.Shape = shapes.Model(type(loaded.manifest))
    found: Entry | Node | None = None
    environment, path, default = "", "", ""
    for step in steps:
        shorthand = isinstance(shape, shapes.Model) and shape.block.short == step and not isinstance(here, Mapping)
        field = _field(shape, step, path)
        shape, default = (field.shape, field.default) if isinstance(field, shapes.Field) else (field, "")
        path = child(path, step)
        if shorthand and here is not None:
            continue  # the scalar or list that stands for the block stands for this field
        if isinstance(step, str) and isinstance(here, Mapping):
            entry = here.entries.get(step)
            found, here = entry, entry.value if entry else None
            environment = entry.origin or environment if entry else environment
        elif isinstance(step, int) and isinstance(here, Sequence) and step < len(here.items):
            found = here = here.items[step]
        else:
            found = here = None
    return _Explained(path, found, here, environment, default)


def _variables(node: Node) -> list[str]:
    if isinstance(node, Scalar):
        return list(node.variables)
    nodes = [entry.value for entry in node.entries.values()] if isinstance(node, Mapping) else node.items
    return [name for child_node in nodes for name in _variables(child_node)]


def _field(shape: shapes.Shape, step: str | int, path: str) -> shapes.Field | shapes.Shape:
    """The field or shape that a step leads to. Raises InputError where there is none."""
    if isinstance(step, int):
        if isinstance(shape, shapes.ListOf):
            return shape.item
        return shapes.Untyped()
    if isinstance(shape, shapes.MapOf):
        return shape.item
    if isinstance(shape, shapes.Model):
        fields = shapes.keys_of(shape.block)
        if step in fields:
            return fields[step]
        if fields:
            meant = closest(step, fields)
            hint = f"did you mean {child(path, meant)}?" if meant else "known keys: " + ", ".join(fields)
            raise InputError(f"{path or 'a manifest'} has no key {step}", hint=hint)
    return shapes.Untyped()
