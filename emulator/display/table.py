"""Tables of text, as wide as they need to be or as a terminal is."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import TextIO

from emulator.display.colours import is_terminal, paint
from emulator.visible import visible_line

GAP = 3
NARROW_GAP = 2
"""Spaces between columns where they do not fit with more."""
LEAST = 6
"""Characters that no column goes below."""
BREAKS = (" ", "/-_:,.")
"""Behind one of these a cell that does not fit goes on in the next line, rather behind the first; else anywhere."""


def width_of(stream: TextIO) -> int | None:
    """Columns of the terminal that `stream` is; None where it is none: what reads it takes lines of any length."""
    return shutil.get_terminal_size().columns if is_terminal(stream) else None


def wrapped(text: str, width: int | None) -> str:
    """A sentence in lines of this width, those after the first indented; None is one line."""
    if width is None or len(text) <= width:
        return text
    found = textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)
    return "\n".join(found)


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    colours: Sequence[Mapping[int, str]] | None = None,
    *,
    width: int | None = None,
) -> str:
    """Columns as wide as their widest cell, three spaces apart, headers in capitals, no space at line ends.

    `colours`: of each row, the ANSI colour of a column by its index; an empty one colours nothing. `width`: where that
    is not enough the widest columns get narrower, and their cells go on in the next line.
    """
    lines = _cells(headers, rows)
    widths = _natural(lines)
    gap = GAP if width is None or _total(widths, GAP) <= width else NARROW_GAP
    if width is not None:
        widths = _narrowed(widths, width - gap * (len(widths) - 1))
    paints: list[Mapping[int, str]] = [{}, *(colours or [{}] * len(rows))]
    return "\n".join(
        _line(part, widths, painted, gap)
        for line, painted in zip(lines, paints, strict=True)
        for part in _parts(line, widths)
    )


def fits(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> bool:
    """Whether a table of these is no wider, with no cell on several lines."""
    return width is None or _total(_natural(_cells(headers, rows)), NARROW_GAP) <= width


def _cells(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[header.upper() for header in headers], *[[visible_line(cell) for cell in row] for row in rows]]


def _natural(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def _total(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _narrowed(widths: Sequence[int], room: int) -> list[int]:
    """The widths, of which the widest are lessened until all have room, or none can be lessened."""
    found = list(widths)
    while sum(found) > room and (widest := max(found)) > LEAST:
        found[found.index(widest)] -= 1
    return found


def _parts(cells: Sequence[str], widths: Sequence[int]) -> list[list[str]]:
    """A row as the lines that it takes."""
    wrapped = [_wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    return [[one[at] if at < len(one) else "" for one in wrapped] for at in range(max(map(len, wrapped)))]


def _wrapped(text: str, width: int) -> list[str]:
    found = []
    while len(text) > width:
        at = _end(text, width)
        found.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [*found, text]


def _end(text: str, width: int) -> int:
    """Where a line of a cell ends: not so early that most of it is empty."""
    for marks in BREAKS:
        # A space that ends the line takes none of its room.
        at = max(text.rfind(mark, 0, width + (mark == " ")) + 1 for mark in marks)
        if at > width // 3:
            return at
    return width


def _line(cells: Sequence[str], widths: Sequence[int], colours: Mapping[int, str], gap: int) -> str:
    last = max((index for index, cell in enumerate(cells) if cell), default=0)
    padded = [
        cell.ljust(width) if index < last else cell
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    shown = padded[: last + 1]
    return (" " * gap).join(
        paint(cell, colours[index], bool(colours[index]) and bool(cells[index])) if index in colours else cell
        for index, cell in enumerate(shown)
    )
