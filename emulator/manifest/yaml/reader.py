"""Reads a YAML file into nodes, as yaml.v3 (Copilot's parser) would: one document, string keys, no duplicate keys,
anchors and merge keys. Limits on size, depth and expansion keep hostile files from costing time or memory."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import yaml

from emulator.errors import Finding, FindingsError, InputError, Position
from emulator.manifest.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence

MAX_BYTES = 1_000_000
"""A manifest is a few kilobytes; a file beyond this is something else."""
MAX_DEPTH = 100
MAX_NODES = 100_000
"""Counted with every alias expanded, so that a few lines of nested aliases cannot stand for billions of nodes."""

_Loader: TypeAlias = type[yaml.SafeLoader] | type[yaml.CSafeLoader]
LOADER: _Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def read(path: Path) -> str:
    """The text of the file at `path`. Raises InputError where it cannot be read, FindingsError (CL100) where it is not
    UTF-8 text of at most `MAX_BYTES`."""
    try:
        if not path.is_file():
            if path.is_dir():
                raise InputError(f"{path} is a folder, not a manifest", hint=f"did you mean {path / 'manifest.yml'}?")
            if path.exists():
                raise InputError(f"{path} is not a regular file")
            path.stat()
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(f"there is no manifest at {path}", hint="give the path of a Copilot manifest.yml") from error
    except OSError as error:
        reason = "its symbolic links lead in a circle" if error.errno == errno.ELOOP else (error.strerror or str(error))
        raise InputError(f"{path} cannot be read: {reason}") from error
    if len(data) > MAX_BYTES:
        raise _refused(str(path), 1, 0, f"the file is larger than {MAX_BYTES:,} bytes, which no manifest is")
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise _refused(str(path), line, 0, "the file holds NUL bytes: it is binary, or UTF-16 or UTF-32 text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise _refused(str(path), line, column, message, "save the file as UTF-8") from error


@dataclass(frozen=True, slots=True)
class Document:
    """The first document of a file. `rest` is the line where more begins, which Copilot does not read, or None."""

    root: Mapping
    rest: int | None


def parse(text: str, file: str) -> Document:
    """The first document of `text`, a map. Raises FindingsError (CL100 for syntax, CL105 for every duplicate key)."""
    return _explained(text, file, _Builder.document)


def parse_node(text: str, file: str) -> Node | None:
    """The first document of `text`, whatever it is, None where there is none: for files that are no manifests. Raises
    FindingsError as `parse` does."""
    return _explained(text, file, _Builder.root)


_Found = TypeVar("_Found")


def _explained(text: str, file: str, build: Callable[[_Builder], _Found]) -> _Found:
    try:
        builder = _Builder(text, file)
        try:
            return build(builder)
        finally:
            builder.loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = error.problem or "this is not YAML"
        if error.context:
            begun = error.context_mark
            since = f" that begins on line {begun.line + 1}" if begun and mark and begun.line != mark.line else ""
            message = f"{message} ({error.context}{since})"
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 0)
        last = max(1, len(text.splitlines()))
        if line > last:  # the end of the file
            line, column = last, 0
        raise _refused(file, line, column, message, _syntax_hint(text, line, message)) from error
    except yaml.YAMLError as error:  # the reader's: a character that YAML does not allow
        bad = next((c for c in text if not _allowed(c)), "")
        line = text.count("\n", 0, text.index(bad)) + 1 if bad else 1
        message = f"character U+{ord(bad):04X} is not allowed in YAML" if bad else "this is not YAML"
        raise _refused(file, line, 0, message) from error


def _allowed(character: str) -> bool:
    code = ord(character)
    return code in (9, 10, 13, 0x85) or 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xD7FF or 0xE000 <= code != 0xFEFF


def _syntax_hint(text: str, line: int, message: str) -> str:
    lines = text.splitlines()
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    if "\t" in shown[: len(shown) - len(shown.lstrip())] or ("cannot start any token" in message and "\t" in shown):
        return "YAML is indented with spaces; this line has a tab"
    if "cannot start any token" in message:
        return "quote the value: a plain value cannot start with @, `, % or a tab"
    if "mapping values are not allowed" in message:
        return "a value that holds ': ' needs quotes, and nested keys need deeper indentation"
    if "flow sequence" in message or "flow mapping" in message:
        return "close the bracket, or quote the value if it is no list or map"
    if "quoted scalar" in message:
        return "close the quote"
    return "the mistake may stand on a line above: look for a missing colon, quote, space or bracket"


def _refused(file: str, line: int, column: int, message: str, hint: str = "") -> FindingsError:
    return FindingsError(file, [Finding("CL100", message, Position(file, line, column), hint=hint)])


class _Builder:
    """Builds nodes from parser events, without recursion, so that nesting cannot exhaust the stack."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.loader = LOADER(text)
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.open_anchors: set[str] = set()
        self.duplicates: list[Finding] = []

    def refuse(self, line: int, column: int, message: str, hint: str = "") -> FindingsError:
        return _refused(self.file, line, column, message, hint)

    def document(self) -> Document:
        root = self._root()
        if root is None:
            raise self.refuse(1, 0, "the file is empty", "a manifest starts with `name:` and `type:`")
        if not isinstance(root, Mapping):
            message = "a manifest is a map of keys and values at the top"
            raise self.refuse(root.line, root.column, message, "it starts with `name:` and `type:`")
        if self.duplicates:
            raise FindingsError(self.file, self.duplicates)
        return Document(root, self._rest())

    def root(self) -> Node | None:
        found = self._root()
        if self.duplicates:
            raise FindingsError(self.file, self.duplicates)
        return found

    def _rest(self) -> int | None:
        """The line at which something follows the first document, whether it can be parsed or not."""
        try:
            event: Any = self.loader.get_event()
        except yaml.MarkedYAMLError as error:
            return error.problem_mark.line + 1 if error.problem_mark else 1
        return None if isinstance(event, yaml.StreamEndEvent) else event.start_mark.line + 1

    def _root(self) -> Node | None:
        # One entry per open collection in each: the node and its anchor, a key that waits for its value, and how many
        # nodes it holds with aliases expanded.
        stack: list[tuple[Mapping | Sequence, str]] = []
        keys: list[Scalar | None] = []
        sizes: list[int] = []
        get_event = self.loader.get_event
        finished: Node
        size: int
        while True:
            event: Any = get_event()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                mark, end = event.start_mark, event.end_mark
                width = end.column - mark.column if end.line == mark.line else 1
                style = event.style or None
                finished = Scalar(event.value, style, event.tag or "", mark.line + 1, mark.column + 1, max(width, 1))
                size = 1
                if event.anchor:
                    self.anchors[event.anchor] = (finished, 1)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                mark = event.start_mark
                if len(stack) >= MAX_DEPTH:
                    raise self.refuse(mark.line + 1, mark.column + 1, f"nested deeper than {MAX_DEPTH} levels")
                if keys and keys[-1] is None and isinstance(stack[-1][0], Mapping):
                    raise self.refuse(mark.line + 1, mark.column + 1, "a key must be text, not a map or a list")
                position = (event.tag or "", mark.line + 1, mark.column + 1)
                new: Mapping | Sequence = (
                    Mapping({}, *position) if kind is yaml.MappingStartEvent else Sequence([], *position)
                )
                if event.anchor:
                    self.open_anchors.add(event.anchor)
                stack.append((new, event.anchor or ""))
                keys.append(None)
                sizes.append(1)
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                finished, anchor = stack.pop()
                keys.pop()
                size = sizes.pop()
                if isinstance(finished, Mapping) and "<<" in finished.entries:
                    self._merge_keys(finished)
                if anchor:
                    self.open_anchors.discard(anchor)
                    self.anchors[anchor] = (finished, size)
            elif kind is yaml.AliasEvent:
                finished, size = self._alias(event)
            elif kind is yaml.DocumentEndEvent:
                return finished
            elif kind is yaml.StreamEndEvent:
                return None
            else:
                continue
            if not stack:
                continue
            sizes[-1] += size
            if sizes[-1] > MAX_NODES:
                message = f"the file stands for more than {MAX_NODES:,} values once its aliases are expanded"
                raise self.refuse(event.start_mark.line + 1, event.start_mark.column + 1, message)
            parent = stack[-1][0]
            if isinstance(parent, Sequence):
                parent.items.append(finished)
            elif keys[-1] is None:
                keys[-1] = self._key(finished, event.start_mark)
            else:
                self._add(parent, keys[-1], finished)
                keys[-1] = None

    def _key(self, node: Node, mark: Any) -> Scalar:
        if isinstance(node, Scalar):
            return node
        raise self.refuse(mark.line + 1, mark.column + 1, "a key must be text, not a map or a list")

    def _add(self, mapping: Mapping, key: Scalar, value: Node) -> None:
        first = mapping.entries.get(key.text)
        if first is None:
            mapping.entries[key.text] = Entry(key, value)
            return
        message = f"key {key.text!r} is already defined on line {first.key.line}"
        position = Position(self.file, key.line, key.column)
        self.duplicates.append(Finding("CL105", message, position, hint="remove one of the two"))

    def _alias(self, event: Any) -> tuple[Node, int]:
        name = event.anchor
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if name in self.open_anchors:
            raise self.refuse(line, column, f"the value of anchor &{name} contains itself")
        if name not in self.anchors:
            raise self.refuse(line, column, f"there is no anchor &{name} above this line")
        return self.anchors[name]

    def _merge_keys(self, mapping: Mapping) -> None:
        entry = mapping.entries["<<"]
        if entry.key.style is not None:
            return  # a quoted "<<" is an ordinary key
        del mapping.entries["<<"]
        sources = entry.value.items if isinstance(entry.value, Sequence) else [entry.value]
        for source in sources:
            if not isinstance(source, Mapping):
                raise self.refuse(entry.key.line, entry.key.column, "`<<` merges a map or a list of maps, nothing else")
            for key, merged in source.entries.items():
                mapping.entries.setdefault(key, Entry(merged.key, merged.value))
