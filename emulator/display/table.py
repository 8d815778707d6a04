"""Tables of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emulator.display.colours import paint
from emulator.visible import visible_line


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], colours: Sequence[Mapping[int, str]] | None = None
) -> str:
    """Columns as wide as their widest cell, three spaces apart, headers in capitals, no space at line ends.

    `colours`: of each row, the ANSI colour of a column by its index; an empty one colours nothing.
    """
    lines = [[header.upper() for header in headers], *[[visible_line(cell) for cell in row] for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    paints: list[Mapping[int, str]] = [{}, *(colours or [{}] * len(rows))]
    return "\n".join(_line(line, widths, painted) for line, painted in zip(lines, paints, strict=True))


def _line(cells: Sequence[str], widths: Sequence[int], colours: Mapping[int, str]) -> str:
    last = max((index for index, cell in enumerate(cells) if cell), default=0)
    padded = [
        cell.ljust(width) if index < last else cell
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    shown = padded[: last + 1]
    return "   ".join(
        paint(cell, colours[index], bool(colours[index]) and bool(cells[index])) if index in colours else cell
        for index, cell in enumerate(shown)
    )
