"""nginx's configuration, from what `nginx -T` prints. Pure.

Source: nginx's documentation, `include` of ngx_core_module.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from emulator.errors import Position

COMMAND = ("nginx", "-T")
_FILE = re.compile(r"# configuration file (.+):")
_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|([{};])|"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|((?:\$\{|\\.|[^\s;{}])(?:\$\{|\\.|[^\s;{])*)""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"""\\(["'\\trn])""")
_ESCAPED = {"t": "\t", "r": "\r", "n": "\n"}
_LUA = re.compile(
    r"""--\[\[.*?\]\]|--[^\n]*|\[\[.*?\]\]|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?P<brace>[{}])|.""", re.DOTALL
)


@dataclass(slots=True)
class Directive:
    """One directive; `block` holds what stands between its braces."""

    name: str
    arguments: tuple[str, ...]
    position: Position
    block: list[Directive] = field(default_factory=list)

    def all(self, name: str) -> list[Directive]:
        return [inner for inner in self.block if inner.name == name]


def parse(dump: str) -> list[Directive]:
    """The directives of the main file in the dump, each `include` replaced by what its files hold.

    Each directive knows the file that it stands in. What breaks nginx's grammar ends its file.
    """
    files: dict[str, list[Directive]] = {}
    file, lines = "", list[str]()
    for line in [*dump.splitlines(), None]:
        match = _FILE.fullmatch(line) if line is not None else None
        if line is not None and match is None:
            lines.append(line)
            continue
        if file or lines:
            files.setdefault(file, _parse_file(file, "\n".join(lines)))
        file, lines = match[1] if match else "", []
    main = next((name for name in files if name), "")  # nginx prints it first; its warnings may come before it
    return _included(files.get(main, []), files, posixpath.dirname(main), (main,))


def _included(
    block: Sequence[Directive], files: Mapping[str, list[Directive]], folder: str, within: tuple[str, ...]
) -> list[Directive]:
    """A block with its includes in place. A name is relative to the main file's folder, as nginx reads it."""
    found: list[Directive] = []
    for directive in block:
        if directive.name == "include" and len(directive.arguments) == 1:
            pattern = posixpath.join(folder, directive.arguments[0])
            for name in sorted(files):
                if name not in within and _globbed(name, pattern):
                    found += _included(files[name], files, folder, (*within, name))
        else:
            inner = _included(directive.block, files, folder, within)
            found.append(Directive(directive.name, directive.arguments, directive.position, inner))
    return found


def _globbed(name: str, pattern: str) -> bool:
    """Whether glob(3) finds a file: `*` and `?` do not cross a slash, nor find a name that begins with a dot."""
    names, patterns = name.split("/"), pattern.split("/")
    return len(names) == len(patterns) and all(
        one == wanted or (fnmatch.fnmatchcase(one, wanted) and one.startswith(".") == wanted.startswith("."))
        for one, wanted in zip(names, patterns, strict=True)
    )


def _parse_file(file: str, text: str) -> list[Directive]:
    top: list[Directive] = []
    stack = [top]
    words: list[tuple[str, int]] = []
    at, line = 0, 1
    while match := _TOKEN.match(text, at):
        at = match.end()
        if mark := match[1]:
            if mark == "}":
                if len(stack) > 1:
                    stack.pop()
            elif words:
                name, began = words[0]
                directive = Directive(name, tuple(word for word, _ in words[1:]), Position(file, began))
                stack[-1].append(directive)
                if mark == "{" and name.endswith("_by_lua_block"):
                    at = _behind_lua(text, at)
                elif mark == "{":
                    stack.append(directive.block)
            words = []
        elif match.lastindex:
            words.append((_ESCAPE.sub(lambda one: _ESCAPED.get(one[1], one[1]), match[match.lastindex]), line))
        line += text.count("\n", match.start(), at)
    return top


def _behind_lua(text: str, at: int) -> int:
    """Where a block of Lua ends that begins there: its words are not nginx's, and its braces may stand in strings."""
    deep = 1
    for match in _LUA.finditer(text, at):
        deep += {"{": 1, "}": -1}.get(match["brace"] or "", 0)
        if not deep:
            return match.end()
    return len(text)
