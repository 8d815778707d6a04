"""Messages of a data channel of Session Manager. Pure.

Source: the Session Manager plugin (aws/session-manager-plugin, `src/message`): a header of 116 bytes in big endian,
then the payload. The UUID comes with its halves exchanged.
"""

from __future__ import annotations

import hashlib
import json
import struct
import time
import uuid
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

_HEADER: Final = struct.Struct(">I32sIQqQ16s32sI")
_LENGTH: Final = struct.Struct(">I")
_HEADER_LENGTH: Final = _HEADER.size
"""Bytes of the header; the payload's length follows them."""

INPUT: Final = "input_stream_data"
OUTPUT: Final = "output_stream_data"
ACKNOWLEDGE: Final = "acknowledge"
CLOSED: Final = "channel_closed"


class Payload(IntEnum):
    """What the payload of a stream's message is."""

    NONE = 0
    OUTPUT = 1
    SIZE = 3
    HANDSHAKE_REQUEST = 5
    HANDSHAKE_RESPONSE = 6
    HANDSHAKE_COMPLETE = 7
    FLAG = 10


class BadMessage(ValueError):
    """Bytes that are no message of this protocol."""


@dataclass(frozen=True, slots=True)
class ChannelMessage:
    """One message, from either side."""

    kind: str
    payload: bytes
    sequence: int = 0
    payload_type: int = Payload.NONE
    flags: int = 0
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    def encoded(self) -> bytes:
        """As it is sent."""
        now = int(time.time() * 1000)
        id_ = self.id.bytes[8:] + self.id.bytes[:8]
        digest = hashlib.sha256(self.payload).digest()
        kind = self.kind.encode().ljust(32)
        header = _HEADER.pack(_HEADER_LENGTH, kind, 1, now, self.sequence, self.flags, id_, digest, self.payload_type)
        return header + _LENGTH.pack(len(self.payload)) + self.payload


def decoded(data: bytes) -> ChannelMessage:
    """A message from its bytes. Raises `BadMessage`."""
    if len(data) < _HEADER_LENGTH + _LENGTH.size:
        raise BadMessage("a message is shorter than its header")
    length, kind, _, _, sequence, flags, id_, digest, payload_type = _HEADER.unpack_from(data)
    if length != _HEADER_LENGTH:
        raise BadMessage(f"a header of {length} bytes")
    (size,) = _LENGTH.unpack_from(data, length)
    payload = data[length + _LENGTH.size :]
    if len(payload) != size or hashlib.sha256(payload).digest() != digest:
        raise BadMessage("a payload differs from its length or its digest")
    name = kind.rstrip(b" \0").decode(errors="replace")
    return ChannelMessage(name, payload, sequence, payload_type, flags, uuid.UUID(bytes=id_[8:] + id_[:8]))


def acknowledgement(of: ChannelMessage) -> ChannelMessage:
    """What tells the other side that a message arrived; without it the message comes again."""
    content = {
        "AcknowledgedMessageType": of.kind,
        "AcknowledgedMessageId": str(of.id),
        "AcknowledgedMessageSequenceNumber": of.sequence,
        "IsSequentialMessage": True,
    }
    return ChannelMessage(ACKNOWLEDGE, _json(content), flags=3)


def handshake_request(command: str) -> bytes:
    """The payload that asks the client for a terminal session."""
    properties = {"command": command}
    parameters = {"SessionType": "InteractiveCommands", "Properties": properties}
    actions = [{"ActionType": "SessionType", "ActionParameters": parameters}]
    return _json({"AgentVersion": "3.3.0.0", "RequestedClientActions": actions})


def handshake_complete(seconds: float) -> bytes:
    """The payload that ends the handshake, which took that long."""
    return _json({"HandshakeTimeToComplete": int(seconds * 1e9), "CustomerMessage": ""})


def channel_closed(session_id: str, output: str = "") -> ChannelMessage:
    """The last message; the client prints `output` and ends."""
    id_ = uuid.uuid4()
    content = {
        "MessageType": CLOSED,
        "MessageId": str(id_),
        "CreatedDate": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "SessionId": session_id,
        "SchemaVersion": 1,
        "Output": output,
    }
    return ChannelMessage(CLOSED, _json(content), id=id_)


def terminal_size(payload: bytes) -> tuple[int, int]:
    """Columns and rows. Raises `BadMessage`."""
    try:
        found = json.loads(payload)
        columns, rows = int(found["cols"]), int(found["rows"])
    except (ValueError, KeyError, TypeError):
        raise BadMessage("a size without columns and rows") from None
    if not (0 < columns < 65536 and 0 < rows < 65536):
        raise BadMessage(f"a terminal of {columns} × {rows}")
    return columns, rows


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
