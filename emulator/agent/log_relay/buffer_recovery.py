"""What a Fluent Bit that died had begun to store and never acknowledged: taken back from its buffer, or found there.

The layout of the buffer's files stands in `emulator.agent.log_relay.chunkio`; versions from 2.1 on also write how long
the entries are, in the header.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgpack

from emulator.agent.log_relay.chunkio import buffered, chunk_entries, chunk_head, read_chunk
from emulator.agent.log_relay.forward import Batch
from emulator.agent.log_relay.own_log import say
from emulator.logstore.beneath import open_beneath

_ENTRY = b"\x92"
"""Starts an entry: an array of two."""
_EVENT_TIME = b"\xd7\x00"
"""Starts a time with nanoseconds: extension type 0 of eight bytes."""
_LENGTH = slice(10, 14)
"""Where newer files say how long the entries are."""
_NESTED = _ENTRY + _ENTRY
"""Starts an entry of newer files: the time stands in an array of its own, with metadata."""
_TIMES = re.compile(re.escape(_ENTRY + _EVENT_TIME) + b"(.{8})", re.DOTALL)


def take_back(buffer: Path, batches: Sequence[Batch]) -> int:
    """Cuts off what a dead Fluent Bit had begun to store of batches that it never acknowledged; returns in how many
    files.

    Fluent Bit stores the messages of a connection one after the other and acknowledges after the last one of a batch.
    So what it had stored of unfinished ones stands at the end of the files of their tags. Perhaps its filters had not
    seen the very last one yet; sent again, they do.
    """
    times = _times(batches)
    cut = 0
    for path, content, tag, start in _chunks(buffer, times):
        position = _unfinished(content, start, times[tag])
        if position is not None:
            position -= content.startswith(_NESTED, start)
            try:
                _shorten(buffer, path, content, start, position)
            except OSError as error:  # it has gone meanwhile, or is no file any more
                say(f"cannot cut {path}: {error}")
            else:
                cut += 1
    return cut


def stored(buffer: Path, batches: Sequence[Batch]) -> list[int]:
    """How many of each batch's first messages stand in the buffer although they were never acknowledged.

    For a router that runs again already: it delivers what its predecessor stored, and its files must stay as they are.
    What it has delivered and removed by now is not found.
    """
    times = _times(batches)
    found: set[tuple[bytes, bytes]] = set()
    for _, content, tag, _ in _chunks(buffer, times):
        for _, time, _ in reversed(list(chunk_entries(content))):
            if not isinstance(time, msgpack.ExtType) or time.data not in times[tag]:
                break
            found.add((tag, time.data))
    return [_first_messages(batch, found) for batch in batches]


def _chunks(buffer: Path, tags: Collection[bytes]) -> Iterator[tuple[Path, bytes, bytes, int]]:
    """The chunks of logs that have one of the tags: path, content, tag, and where the entries start in the content."""
    for path in buffered(buffer) if tags else ():
        try:
            content = read_chunk(buffer, path)
        except OSError:
            continue  # no file, or gone
        head = chunk_head(content)
        if head is not None and head[0] in tags:
            yield path, content, *head


def _first_messages(batch: Batch, found: set[tuple[bytes, bytes]]) -> int:
    """How many messages end with the last one that was found: Fluent Bit stores them in order, filters drop some."""
    count = 0
    for number, (tag, time, *_) in enumerate(batch.messages(), start=1):
        if isinstance(time, msgpack.ExtType) and (tag, time.data) in found:
            count = number
    return count


def _times(batches: Sequence[Batch]) -> dict[bytes, set[bytes]]:
    """The times of all messages that have nanoseconds, by tag."""
    times: dict[bytes, set[bytes]] = {}
    for batch in batches:
        for tag, time, *_ in batch.messages():
            if isinstance(time, msgpack.ExtType):
                times.setdefault(tag, set()).add(time.data)
    return times


def _unfinished(content: bytes, start: int, times: set[bytes]) -> int | None:
    """Where the entries with such times begin that a file ends with. Others may have such a time too: nanoseconds are
    not that many where several containers print at once."""
    position = None
    for found in _TIMES.finditer(content, start):
        if found[1] not in times:
            position = None
        elif position is None:
            position = found.start()
    return position


def _shorten(buffer: Path, path: Path, content: bytes, start: int, end: int) -> None:
    with open(open_beneath(buffer, path, os.O_RDWR), "rb+") as stream:
        if any(content[_LENGTH]):
            stream.seek(_LENGTH.start)
            stream.write((end - start).to_bytes(4, "big"))
        stream.truncate(end)
