"""What a dead log router had taken and not yet delivered: the chunks of its buffer, read from their files.

Fluent Bit keeps each chunk in a file of its own (chunkio): a header of 24 bytes that begins with C1 00 and ends with
the length of the metadata, the metadata, then records in MessagePack, `[time, record]`, padded with zeros. The metadata
is the tag; since version 1.9 four bytes stand before it, the first two F1 77 and the third 0 for logs; since version
2.1 `time` is `[time, {…}]`. Source: Fluent Bit's own `chunkio` and `flb_input_chunk`; tried with 1.8.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack

from emulator.logstore.beneath import files_beneath, folder_beneath, open_beneath, read_all, remove_entry

SUFFIX = ".flb"
LARGEST = 64 << 20
"""Bytes of the largest file that is read: Fluent Bit begins another one after 2 MB."""
_HEADER = 24
_MAGIC = b"\xc1\x00"
_TYPED = b"\xf1\x77"
_LOGS = 0


def buffered(folder: Path) -> list[Path]:
    """The files of the chunks below a folder, as paths from there on, oldest first. The router chose what is there: it
    is opened by `read_chunk` alone."""
    return sorted(files_beneath(folder, SUFFIX), key=lambda file: (file.name, str(file)))


def read_chunk(folder: Path, chunk: Path) -> bytes:
    """The content of a chunk's file. Raises OSError, for what is no file too."""
    return read_all(open_beneath(folder, chunk, os.O_RDONLY), LARGEST)


def remove_chunk(folder: Path, chunk: Path) -> None:
    """Removes a chunk's file. Raises OSError."""
    with folder_beneath(folder, chunk.parent) as within:
        remove_entry(within, chunk.name)


def chunk_head(data: bytes) -> tuple[bytes, int] | None:
    """The tag of a chunk and where its records start; None of what is no chunk of logs."""
    if not data.startswith(_MAGIC) or len(data) < _HEADER:
        return None
    end = _HEADER + int.from_bytes(data[_HEADER - 2 : _HEADER], "big")
    metadata = data[_HEADER:end]
    if metadata.startswith(_TYPED):
        if metadata[2:3] != bytes([_LOGS]):
            return None
        metadata = metadata[4:]
    return metadata.rstrip(b"\0"), end


def chunk_entries(data: bytes) -> Iterator[list[Any]]:
    """The records of a chunk as forward-protocol messages, `[tag, time, record]`; none of what is no chunk of logs.

    A chunk that was being written to when its router died gives the records that are whole.
    """
    head = chunk_head(data)
    if head is None:
        return
    tag, end = head[0].decode(errors="replace"), head[1]
    unpacker = msgpack.Unpacker(raw=False, unicode_errors="replace", max_buffer_size=len(data) or 1)
    unpacker.feed(data[end:])
    try:
        for entry in unpacker:
            if isinstance(entry, list) and len(entry) == 2:
                time, record = entry
                yield [tag, time[0] if isinstance(time, list) and time else time, record]
    except ValueError:  # half a record, or none
        return
