"""When to colour, and with what. The text is the same with and without."""

from __future__ import annotations

import os
import zlib
from typing import TextIO

GREEN = "32"
RED = "31"
YELLOW = "33"
BOLD = "1"
DIM = "2"

_NAME_COLOURS = ("36", "33", "32", "35", "34", "96", "93", "92", "95", "94")


def wants_colour(stream: TextIO) -> bool:
    """Whether `stream` gets colour: a terminal does, unless NO_COLOR is set or TERM is `dumb`; FORCE_COLOR and
    CLICOLOR_FORCE colour anything else too (https://no-color.org, https://force-color.org, https://bixense.com/clicolors).
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def is_terminal(stream: TextIO) -> bool:
    """Whether `stream` is a terminal; a closed one is not."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def paint(text: str, colour: str, enabled: bool) -> str:
    """`text` in an ANSI colour, or as it is."""
    return f"\x1b[{colour}m{text}\x1b[0m" if enabled and text else text


class NameColours:
    """One colour a name. A name has the same colour in every run, unless another name of this run took it first."""

    def __init__(self) -> None:
        self._colours: dict[str, str] = {}

    def of(self, name: str) -> str:
        if name not in self._colours:
            first = zlib.crc32(name.encode())
            order = [_NAME_COLOURS[(first + n) % len(_NAME_COLOURS)] for n in range(len(_NAME_COLOURS))]
            free = [colour for colour in order if colour not in self._colours.values()]
            self._colours[name] = (free or order)[0]
        return self._colours[name]
