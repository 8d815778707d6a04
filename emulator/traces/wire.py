"""What goes from a task's receiver to the agent: the body of `POST /copilot-local/spans`.

A line of JSON about the receiver, then payloads as they came, each behind its protocol, time and length.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Literal

PORT = 2000
"""Of 169.254.170.2, where the agent takes them."""
PATH = "/copilot-local/spans"
MOST = 32 << 20
"""Bytes of a body that the agent takes."""
Protocol = Literal["xray", "api", "otlp_grpc", "otlp_http", "otlp_json"]
_PROTOCOLS: tuple[Protocol, ...] = ("xray", "api", "otlp_grpc", "otlp_http", "otlp_json")
_HEAD = struct.Struct("!BdI")


@dataclass(frozen=True, slots=True)
class Payload:
    """One message: a datagram, a document, or the body of an export. `time`: when it came, in seconds since 1970."""

    protocol: Protocol
    time: float
    data: bytes


@dataclass(slots=True)
class Report:
    """What a receiver says of itself: its container, and counts since its last report."""

    container: str
    dropped: int = 0
    """Payloads that it could not keep while the agent was away."""
    refused: int = 0
    """Requests that it could not read."""
    others: dict[str, int] = field(default_factory=dict)
    """Exports of metrics and logs, which it takes and throws away."""
    taken: tuple[int, ...] = ()
    """Ports that something else in the task had already."""


def encode(report: Report, payloads: Iterable[Payload]) -> bytes:
    """The body."""
    parts = [json.dumps(asdict(report)).encode() + b"\n"]
    for one in payloads:
        parts += [_HEAD.pack(_PROTOCOLS.index(one.protocol), one.time, len(one.data)), one.data]
    return b"".join(parts)


def decode(body: bytes) -> tuple[Report, list[Payload]]:
    """What is in a body. Raises ValueError for one that is none."""
    from emulator.model import InvalidData, from_json  # Pydantic, which a receiver does not load

    line, _, rest = body.partition(b"\n")
    try:
        report = from_json(Report, line)
    except InvalidData:
        raise ValueError("no report") from None
    found, at = [], 0
    while at < len(rest):
        if len(rest) < at + _HEAD.size:
            raise ValueError("cut short")
        kind, time, length = _HEAD.unpack_from(rest, at)
        at += _HEAD.size
        if kind >= len(_PROTOCOLS) or len(rest) < at + length:
            raise ValueError("cut short")
        found.append(Payload(_PROTOCOLS[kind], time, rest[at : at + length]))
        at += length
    return report, found
