"""Fluentd's forward protocol, as far as Docker's log driver, this agent and Fluent Bit speak it to each other.

The driver sends one MessagePack array per line, `[tag, time, record, options]`. Fluent Bit handles the messages of one
connection in order, each by itself, filters included, and answers `{"ack": id}` to one that has the option
`{"chunk": id}` once it has stored it: then it has stored all before it. Messages of several entries exist too, but a
filter would see their entries together, which it never does behind the driver. Source: Fluentd's forward protocol
specification, version 1; Fluent Bit's `in_forward`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgpack

from emulator.logstore.records import Record, format_record

_FIRST = frozenset(b"\x93\x94")
"""Starts a message: an array of three or, with options, four."""
_WITH_OPTIONS = 4
_NANOSECONDS = 1_000_000_000


@dataclass(slots=True)
class Batch:
    """Whole messages of one connection that go on in one write, in order, as the driver wrote them."""

    parts: list[bytes] = field(default_factory=list)
    last: int = 0
    """Where the last message starts in the last part."""
    size: int = 0
    """Bytes of all parts."""

    def add(self, other: Batch) -> None:
        """Puts the messages of another batch behind these."""
        self.parts += other.parts
        self.last = other.last
        self.size += other.size

    def sent(self, chunk: str) -> bytes:
        """The bytes that Fluent Bit answers with that chunk's acknowledgement once it has stored every message."""
        part = self.parts[-1]
        return b"".join((*self.parts[:-1], part[: self.last], _asking(part[self.last :], chunk)))

    def after(self, count: int) -> Batch | None:
        """The messages behind the first `count` ones; None where there are none."""
        data = b"".join(self.parts)
        unpacker = msgpack.Unpacker(raw=True, strict_map_key=False, max_buffer_size=0)
        unpacker.feed(data)
        for _ in range(count):
            unpacker.skip()
        start = unpacker.tell()
        last = self.size - len(self.parts[-1]) + self.last
        return Batch([data[start:]], last - start, len(data) - start) if start < len(data) else None

    def messages(self) -> Iterator[list[Any]]:
        """Each message as `[tag, time, record, …]`, with texts as bytes."""
        return self._unpacked(raw=True)

    def lines(self, metadata: Mapping[str, str]) -> list[str]:
        """The messages as lines of the log store. `metadata`: fields that the router would have added."""
        messages = self._unpacked(raw=False, unicode_errors="replace")
        return [line for message in messages if (line := record_line(message, metadata)) is not None]

    def _unpacked(self, **texts: Any) -> Iterator[Any]:
        unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=0, **texts)
        for part in self.parts:
            unpacker.feed(part)
            yield from unpacker


class Splitter:
    """Cuts the bytes of one connection of Docker's log driver into whole messages.

    Raises ValueError for what is not the forward protocol.
    """

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(raw=True, strict_map_key=False, max_buffer_size=0)
        self._rest = b""
        self._offset = 0
        """Of the first byte of `_rest` in the whole stream."""

    def feed(self, data: bytes) -> Batch | None:
        """The messages that these bytes complete; None where they complete none."""
        self._unpacker.feed(data)
        data = self._rest + data
        skip, tell, offset = self._unpacker.skip, self._unpacker.tell, self._offset
        last = end = 0
        try:
            while True:
                skip()
                if data[end] not in _FIRST:
                    raise ValueError("not a message of Docker's log driver")
                last, end = end, tell() - offset
        except msgpack.OutOfData:
            pass
        except msgpack.UnpackException as error:
            raise ValueError(f"not MessagePack: {error}") from error
        self._rest = data[end:]
        self._offset = offset + end
        if not end:
            return None
        _checked(data[last:end])
        return Batch([data[:end]], last, end)


def _asking(message: bytes, chunk: str) -> bytes:
    """The message with an acknowledgement asked for."""
    options: bytes = msgpack.packb({"chunk": chunk})
    content = _checked(message)
    if len(content) < _WITH_OPTIONS:
        return b"".join((b"\x94", message[1:], options))
    if not content[_WITH_OPTIONS - 1]:  # nil or an empty map: one byte
        return message[:-1] + options
    packed: bytes = msgpack.packb([*content[:3], {"chunk": chunk}], use_bin_type=False)
    return packed


def _checked(message: bytes) -> list[Any]:
    """What a message of one line says. Raises ValueError for another one, which none of these would be answered."""
    content = msgpack.unpackb(message, raw=True, strict_map_key=False)
    if not (
        isinstance(content, list)
        and isinstance(content[0], bytes)
        and isinstance(content[1], int | msgpack.ExtType)
        and isinstance(content[2], dict)
    ):
        raise ValueError("not a message of Docker's log driver")
    return content


def acknowledged(unpacker: msgpack.Unpacker) -> Iterator[str]:
    """The chunks that Fluent Bit says it has, from what was fed."""
    for answer in unpacker:
        if isinstance(answer, dict) and "ack" in answer:
            yield str(answer["ack"])


def record_line(entry: Any, metadata: Mapping[str, str] | None = None) -> str | None:
    """A log store line from one message; None for what is no message of Docker's driver.

    `metadata`: fields that the router would have added to the record.
    """
    if not (isinstance(entry, list) and len(entry) >= 3 and isinstance(entry[0], str) and isinstance(entry[2], dict)):
        return None
    tag, time, record = entry[:3]
    if isinstance(time, list) and time:  # as newer versions of Fluent Bit store it: with metadata
        time = time[0]
    fields = {
        str(name): value.decode(errors="replace") if isinstance(value, bytes) else value
        for name, value in record.items()
    }
    try:
        return format_record(Record(tag, _nanoseconds(time), {**fields, **(metadata or {})}))
    except (TypeError, ValueError, RecursionError):  # what a router's own buffer holds may be no JSON at all
        return None


def _nanoseconds(time: Any) -> int:
    """Nanoseconds since 1970: an event time is extension type 0 of two 32-bit numbers; else it is plain seconds."""
    if isinstance(time, msgpack.ExtType) and time.code == 0 and len(time.data) == 8:
        return int.from_bytes(time.data[:4], "big") * _NANOSECONDS + int.from_bytes(time.data[4:], "big")
    return int(time) * _NANOSECONDS if isinstance(time, int | float) and math.isfinite(time) else 0
