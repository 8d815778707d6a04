"""Takes back from the buffer of a Fluent Bit that died what it had begun to store and never acknowledged.

The layout of the buffer's files stands in `emulator.agent.salvage`; versions from 2.1 on also write how long the
entries are, in the header.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from emulator.agent.forward import ENTRY, EVENT_TIME, Batch
from emulator.agent.salvage import buffered

_MARK = b"\xc1\x00"
_HEADER = 24
_LENGTH = slice(10, 14)
"""Where newer files say how long the entries are."""
_NESTED = ENTRY + ENTRY
"""Starts an entry of newer files: the time stands in an array of its own, with metadata."""
_TIMES = re.compile(re.escape(ENTRY + EVENT_TIME) + b"(.{8})", re.DOTALL)


def take_back(buffer: Path, batches: Sequence[Batch]) -> int:
    """Cuts off what a dead Fluent Bit had begun to store of batches that it never acknowledged; returns in how many
    files.

    Storing and acknowledging are one step, so only the very last thing it did can be half done: it stands at the end
    of a file. Perhaps its filters had not seen it yet; sent again, they do.
    """
    prefix = len(ENTRY + EVENT_TIME)
    entries = (entry for batch in batches for entry in batch.entries)
    times = {entry[prefix : prefix + 8] for entry in entries if entry.startswith(ENTRY + EVENT_TIME)}
    cut = 0
    for path in buffered(buffer) if times else ():
        content = path.read_bytes()
        start = _content(content)
        if start is None:
            continue
        position = next((found.start() for found in _TIMES.finditer(content, start) if found[1] in times), None)
        if position is not None:
            position -= content.startswith(_NESTED, start)
            _shorten(path, content, start, position)
            cut += 1
    return cut


def _shorten(path: Path, content: bytes, start: int, end: int) -> None:
    with path.open("rb+") as stream:
        if any(content[_LENGTH]):
            stream.seek(_LENGTH.start)
            stream.write((end - start).to_bytes(4, "big"))
        stream.truncate(end)


def _content(data: bytes) -> int | None:
    """Where the entries of a file start; None where it is no file of Fluent Bit's buffer."""
    if len(data) < _HEADER or not data.startswith(_MARK):
        return None
    start = _HEADER + int.from_bytes(data[_HEADER - 2 : _HEADER], "big")
    return start if start <= len(data) else None
