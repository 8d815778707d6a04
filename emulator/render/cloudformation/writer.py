"""Writes a template's tree as YAML the way people write templates: short-form tags, block style, comments.

The output is read alike by YAML 1.1 (CloudFormation's, PyYAML's) and 1.2: what either would take for a number, a date
or a boolean is quoted where text is meant.
"""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Mapping

from emulator.render.cloudformation.intrinsics import Commented, Fn, GetAtt, Ref, Sub

WIDTH = 118
_STEP = 2

_PLAIN = re.compile(r"[A-Za-z0-9_/.+$(^\\<=~;-][^\x00-\x1f\x7f-\x9f]*")
_NOT_PLAIN_IN_FLOW = re.compile(r"[,\[\]{}]")
_LOOKS_TYPED = re.compile(
    r"[-+.]?[0-9][0-9_.,:eExXoO+a-fA-F-]*|[-+]?\.(inf|nan)|~|=|<<|null|true|false|yes|no|on|off|y|n|---.*|\.\.\..*",
    re.IGNORECASE,
)


def to_yaml(document: Mapping[str, object], *, header: str = "") -> str:
    """The document as text, with one line end after the last line. `header` becomes a comment at the top."""
    lines = _comment(header, 0)
    for number, (key, value) in enumerate(document.items()):
        if isinstance(value, dict) and number:
            lines.append("")
        lines += (
            _sections(key, value) if key == "Resources" and value and isinstance(value, dict) else _pair(key, value, 0)
        )
    return "\n".join(lines) + "\n"


def scalar(value: object, *, flow: bool = False) -> str:
    """A scalar as YAML on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    if _fits_plain(text) and not (flow and _NOT_PLAIN_IN_FLOW.search(text)):
        return text
    if all(map(_stands_for_itself, text)):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(c) for c in text) + '"'


@functools.lru_cache(maxsize=4096)  # keys and words of a template come again and again
def _fits_plain(text: str) -> bool:
    return (
        _PLAIN.fullmatch(text) is not None
        and ": " not in text
        and " #" not in text
        and not text.endswith((":", " "))
        and not text.startswith(("- ", "-\t"))
        and text != "-"
        and _LOOKS_TYPED.fullmatch(text) is None
        and text.isascii()
    )


def _stands_for_itself(character: str) -> bool:
    """Whether a character can be written as it is. YAML 1.1 takes U+2028 and U+2029 for ends of lines."""
    code = ord(character)
    printable = 0x20 <= code < 0x7F or 0xA0 <= code < 0xD800 or 0xE000 <= code < 0xFEFF
    return printable and character not in "\u2028\u2029"


def _escaped(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return "\\" + character
    if _stands_for_itself(character):
        return character
    if character in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _sections(key: str, entries: Mapping[str, object]) -> list[str]:
    """Resources: a blank line before each."""
    lines = [f"{scalar(key)}:"]
    for name, value in entries.items():
        lines += ["", *_pair(name, value, _STEP)]
    return lines


def _comment(text: str, indent: int) -> list[str]:
    pad = " " * indent
    lines = textwrap.wrap(text, WIDTH - indent - 2, break_on_hyphens=False)  # options and names are copied
    return [f"{pad}# {line}" for line in lines]


def _pair(key: str, value: object, indent: int) -> list[str]:
    if isinstance(value, Commented):
        return [*_comment(value.comment, indent), *_pair(key, value.value, indent)]
    start = f"{' ' * indent}{scalar(key)}:"
    inline = _inline(value, WIDTH - len(start) - 1)
    if inline is not None:
        return [f"{start} {inline}"]
    return _below(start, value, indent + _STEP)


def _item(value: object, indent: int) -> list[str]:
    if isinstance(value, Commented):
        return [*_comment(value.comment, indent), *_item(value.value, indent)]
    pad = " " * indent
    inline = _inline(value, WIDTH - indent - 2)
    if inline is not None:
        return [f"{pad}- {inline}"]
    if isinstance(value, dict | list):
        # The first line of what is below stands behind the dash.
        inner = _block(value, indent + _STEP)
        first = next(number for number, line in enumerate(inner) if not line.lstrip().startswith("#"))
        return [*inner[:first], f"{pad}- {inner[first][indent + _STEP :]}", *inner[first + 1 :]]
    return _below(f"{pad}-", value, indent + _STEP)


def _block(value: object, indent: int) -> list[str]:
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in _pair(key, item, indent)]
    assert isinstance(value, list)
    return [line for item in value for line in _item(item, indent)]


def _below(start: str, value: object, indent: int) -> list[str]:
    """A value that needs lines of its own, after `key:` or a dash."""
    value = _writable(value)
    if isinstance(value, Sub):
        return _below(f"{start} !Sub", value.text, indent)
    if isinstance(value, str):
        # A literal block ends with the text's own last line end, if it has one.
        kept = "|" if value.endswith("\n") else "|-"
        lines = value.removesuffix("\n").split("\n")
        return [f"{start} {kept}", *(f"{' ' * indent}{line}" if line else "" for line in lines)]
    if isinstance(value, Fn):
        head = f"{start} !{value.name}"
        if isinstance(value.argument, str) and _fits_block(value.argument):
            return _below(head, value.argument, indent)
        if not isinstance(value.argument, dict | list):
            return [f"{head} {scalar(value.argument)}"]
        return [head, *_block(value.argument, indent)]
    return [start, *_block(value, indent)]


def _inline(value: object, width: int) -> str | None:
    """A value on one line; None where it needs more."""
    value = _writable(value)
    if isinstance(value, dict | list):
        return ("{}" if isinstance(value, dict) else "[]") if not value else None
    if isinstance(value, str | Sub) and _fits_block(value.text if isinstance(value, Sub) else value):
        return None
    text = _flow(value) if isinstance(value, Ref | GetAtt | Sub | Fn) else scalar(value)
    return text if text is not None and (len(text) <= width or not isinstance(value, Fn)) else None


def _fits_block(text: str) -> bool:
    """Whether text of several lines can be written as a literal block."""
    return (
        "\n" in text
        and not text.startswith((" ", "\n"))
        and not text.endswith("\n\n")
        and not re.search(r"[ \t]\n|[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe]", text)
    )


def _writable(value: object) -> object:
    """`!Sub` with variables as the list that it is; a function of a function in the long form, as YAML wants it."""
    if isinstance(value, Sub) and value.variables:
        return Fn("Sub", [value.text, dict(value.variables)])
    if isinstance(value, Fn) and isinstance(_writable(value.argument), Ref | GetAtt | Sub | Fn):
        return {f"Fn::{value.name}": value.argument}
    return value


def _flow(value: object) -> str | None:
    """A value in flow style; None where it holds what has no place there."""
    value = _writable(value)
    match value:
        case Ref(name):
            return f"!Ref {scalar(name, flow=True)}"
        case GetAtt(resource, attribute):
            return f"!GetAtt {resource}.{attribute}"
        case Sub(text):
            return f"!Sub {scalar(text, flow=True)}"
        case Fn(name, argument):
            inner = _flow(argument)
            return None if inner is None else f"!{name} {inner}"
        case list():
            parts = [_flow(item) for item in value]
            return None if None in parts else f"[{', '.join(part for part in parts if part is not None)}]"
        case dict():
            if len(value) > 1:
                return None
            pairs = [(scalar(key, flow=True), _flow(item)) for key, item in value.items()]
            return None if any(text is None for _, text in pairs) else f"{{{', '.join(f'{k}: {v}' for k, v in pairs)}}}"
        case Commented():
            return None
        case str() if "\n" in value:
            return None if _fits_block(value) else scalar(value)
        case _:
            return scalar(value, flow=True)
