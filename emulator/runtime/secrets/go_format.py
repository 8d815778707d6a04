"""Values of a JSON secret as the ECS agent puts them into a variable: Go's `%v` of what Go's decoder makes of them.

So a number is a float64 (1000000 becomes `1e+06`), a nested object is `map[a:1 b:2]`, null is `<nil>`.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any


def decode(text: str) -> Any:
    """JSON with every number as a float. Raises ValueError for what is no JSON, and for numbers that Go refuses."""
    return json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_refuse)


def go_format(value: Any) -> str:
    """A decoded value as `%v` prints it."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case float():
            return _float(value)
        case list():
            return f"[{' '.join(map(go_format, value))}]"
        case dict():
            return f"map[{' '.join(f'{key}:{go_format(value[key])}' for key in sorted(value))}]"
        case _:
            return str(value)


def _float(number: float) -> str:
    """Go's `%g` with the fewest digits that tell the number: an exponent below 1e-4 and from 1e6 on."""
    sign, digits, exponent = Decimal(repr(number)).as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    power = len(text) + exponent - 1
    text = text.rstrip("0") or "0"
    minus = "-" if sign else ""
    if text == "0":
        return f"{minus}0"
    if not -4 <= power < 6:
        rest = f".{text[1:]}" if len(text) > 1 else ""
        return f"{minus}{text[0]}{rest}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if power < 0:
        return f"{minus}0.{'0' * (-power - 1)}{text}"
    whole, rest = text[: power + 1].ljust(power + 1, "0"), text[power + 1 :]
    return f"{minus}{whole}{'.' + rest if rest else ''}"


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"cannot unmarshal number {text} into Go value of type float64")
    return number


def _refuse(text: str) -> float:
    raise ValueError(f"invalid literal {text}")
