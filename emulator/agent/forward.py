"""Fluentd's forward protocol, as far as Docker's log driver, this agent and Fluent Bit speak it to each other.

The driver sends a MessagePack array a line, `[tag, time, record, options]`. Fluent Bit also takes many of one tag at
once, `[tag, entries, {"chunk": id}]` with `entries` the bytes of `[time, record]` after `[time, record]`, and says
`{"ack": id}` once it has stored them. Source: Fluentd's forward protocol specification, version 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgpack

from emulator.logstore.records import Record, format_record

EVENT_TIME = b"\xd7\x00"
"""Starts a time with nanoseconds: extension type 0 of eight bytes."""
ENTRY = b"\x92"
"""Starts an entry: an array of two."""
_MESSAGE = b"\x94"
_NO_OPTIONS = frozenset(b"\xc0\x80")
_NANOSECONDS = 1_000_000_000


@dataclass(slots=True)
class Batch:
    """Entries of one tag that belong together."""

    tag: bytes
    """As MessagePack."""
    entries: list[bytes] = field(default_factory=list)
    size: int = 0

    def message(self, chunk: str) -> bytes:
        """The message that Fluent Bit answers with that chunk's acknowledgement."""
        options: bytes = msgpack.packb({"chunk": chunk})
        return b"".join((b"\x93", self.tag, b"\xc6", self.size.to_bytes(4, "big"), *self.entries, options))

    def lines(self, metadata: Mapping[str, str]) -> list[str]:
        """The entries as lines of the log store. `metadata`: fields that the router would have added."""
        tag = msgpack.unpackb(self.tag, unicode_errors="replace")
        found = (record_line([tag, *_unpack(entry)], metadata) for entry in self.entries)
        return [line for line in found if line is not None]


class Splitter:
    """Cuts the bytes of one connection of Docker's log driver into entries.

    Raises ValueError for what is not the forward protocol.
    """

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(raw=True, strict_map_key=False, max_buffer_size=0)
        self._rest = b""
        self._offset = 0
        """Of the first byte of `_rest` in the whole stream."""
        self._tag = b""
        self._start = b"none"
        """How a message with the last one's tag and a precise time starts."""

    def feed(self, data: bytes) -> Iterator[Batch]:
        """The entries of each message that these bytes complete, those of one tag together."""
        self._unpacker.feed(data)
        data = self._rest + data
        skip, tell, offset = self._unpacker.skip, self._unpacker.tell, self._offset
        batch: Batch | None = None
        begin = 0
        while True:
            try:
                skip()
            except msgpack.OutOfData:
                break
            except msgpack.UnpackException as error:
                raise ValueError(f"not MessagePack: {error}") from error
            end = tell() - offset
            # Every line of a container starts alike: the rest need not be looked into.
            if data.startswith(self._start, begin) and data[end - 1] in _NO_OPTIONS:
                entry = ENTRY + data[begin + 1 + len(self._tag) : end - 1]
            else:
                entry = self._entry(data[begin:end])
            if batch is None or batch.tag != self._tag:
                if batch is not None:
                    yield batch
                batch = Batch(self._tag)
            batch.entries.append(entry)
            batch.size += len(entry)
            begin = end
        self._rest = data[begin:]
        self._offset = offset + begin
        if batch is not None:
            yield batch

    def _entry(self, message: bytes) -> bytes:
        """The entry of any message; remembers its tag."""
        content = msgpack.unpackb(message, raw=True, strict_map_key=False)
        if not (isinstance(content, list) and len(content) >= 3 and isinstance(content[0], bytes)):
            raise ValueError("not a message of Docker's log driver")
        self._tag = msgpack.packb(content[0], use_bin_type=False)
        self._start = _MESSAGE + self._tag + EVENT_TIME
        packed: bytes = msgpack.packb(content[1:3], use_bin_type=False)
        return packed


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


def _unpack(entry: bytes) -> Any:
    return msgpack.unpackb(entry, unicode_errors="replace", strict_map_key=False)


def _nanoseconds(time: Any) -> int:
    """Nanoseconds since 1970: an event time is extension type 0 of two 32-bit numbers; else it is plain seconds."""
    if isinstance(time, msgpack.ExtType) and time.code == 0 and len(time.data) == 8:
        return int.from_bytes(time.data[:4], "big") * _NANOSECONDS + int.from_bytes(time.data[4:], "big")
    return int(time) * _NANOSECONDS if isinstance(time, int | float) and math.isfinite(time) else 0
