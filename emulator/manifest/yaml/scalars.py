"""What a scalar means, by the rules of yaml.v3 (`resolve.go`, `decode.go`) that Copilot's fields are decoded with."""

from __future__ import annotations

import re
from typing import Final

from emulator.manifest.yaml.nodes import Node, Scalar

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL: Final = {
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
# Words of YAML 1.1 that only a field typed as bool takes for a boolean.
_TYPED_BOOL: Final = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INT = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<x>[0-9a-fA-F]+)|0[bB](?P<b>[01]+)|0[oO]?(?P<o>[0-7]+)|(?P<d>0|[1-9][0-9]*))"
)
_SPECIAL: Final = {
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_CORE = "tag:yaml.org,2002:"


def resolve(scalar: Scalar) -> bool | int | float | str | None:
    """The value of an untyped scalar: YAML 1.2 booleans only, integers in the 1.1 octal spelling too, dates as text."""
    if scalar.tag:
        if scalar.tag == "!":
            return scalar.text
        if scalar.tag.startswith(_CORE):
            return _tagged(scalar, scalar.tag.removeprefix(_CORE))
        return scalar.text
    if scalar.style is not None or scalar.variables:
        return scalar.text
    return plain(scalar.text)


def plain(text: str) -> bool | int | float | str | None:
    """The value of an untyped plain scalar with this text."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if text[0] in "+-.0123456789":
        if (number := integer(text)) is not None:
            return number
        if text in _SPECIAL:
            return _SPECIAL[text]
        bare = text.replace("_", "")
        if _FLOAT.fullmatch(bare):
            return float(bare)
    return text


def _tagged(scalar: Scalar, tag: str) -> bool | int | float | str | None:
    value = plain(scalar.text)
    if tag == "null":
        return None
    if tag == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if tag == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if tag == "bool" and isinstance(value, bool):
        return value
    return scalar.text


def is_null(node: Node) -> bool:
    """Whether a node is YAML's null: `~`, `null`, or nothing at all."""
    if not isinstance(node, Scalar):
        return False
    if node.tag:
        return node.tag == _CORE + "null"
    return node.style is None and not node.variables and node.text in _NULL


def integer(text: str) -> int | None:
    """A plain scalar as yaml.v3 reads integers: `80`, `010` (octal), `0o10`, `0x10`, `0b1`, `1_000`; None otherwise."""
    found = _INT.fullmatch(text.replace("_", "")) if len(text) < 40 else None
    if found is None:
        return None
    if digits := found["x"]:
        number = int(digits, 16)
    elif digits := found["b"]:
        number = int(digits, 2)
    elif digits := found["o"]:
        number = int(digits, 8)
    else:
        number = int(found["d"])
    return -number if found["sign"] == "-" else number


def boolean(scalar: Scalar) -> bool | None:
    """A scalar where the field is typed as bool: `true` and `false`, and YAML 1.1's `yes`, `on`, `y`. yaml.v3 takes
    those words quoted too (`'yes'`), but never a quoted `'true'`. None where it is neither."""
    value = resolve(scalar)
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _TYPED_BOOL.get(value)
    return None
