"""IPv4 TCP segments out of what a packet socket delivers. Pure.

Source: RFC 791 and RFC 9293 for the headers, packet(7) for the kinds of packets.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

PACKET_OUTGOING = 4
"""A packet socket's word for what leaves this machine (packet(7))."""
_PROTOCOL_TCP = 6
_IPV4 = 4
_FRAGMENT = 0x1FFF
_TCP = struct.Struct("!HHIIBBHHH")
_SHORTEST_IP = 20


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """One end of a connection."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment. `time` in seconds since 1970, by the kernel's clock."""

    time: float
    source: Address
    target: Address
    sequence: int
    acknowledged: int
    syn: bool
    ack: bool
    fin: bool
    reset: bool
    data: bytes
    cut: int = 0
    """Bytes of payload that were on the wire and are not in `data`."""


def seen_twice(loopback: bool, kind: int) -> bool:
    """Whether the same packet comes once more: what is sent over loopback is seen as it leaves and as it arrives."""
    return loopback and kind == PACKET_OUTGOING


def parse_ip(packet: bytes | memoryview, time: float) -> Segment | None:
    """The segment in an IP packet; None for what is not TCP over IPv4, or is a fragment or broken."""
    if len(packet) < _SHORTEST_IP or packet[0] >> 4 != _IPV4 or packet[9] != _PROTOCOL_TCP:
        return None
    header = (packet[0] & 15) * 4
    total = int.from_bytes(packet[2:4], "big")
    # A packet that the kernel has joined from many, or will split, may be longer than the field can say: 0 then.
    total = total or len(packet)
    if int.from_bytes(packet[6:8], "big") & _FRAGMENT or header < _SHORTEST_IP or len(packet) < header + _TCP.size:
        return None
    ports = _TCP.unpack_from(packet, header)
    flags = ports[5]
    start = header + (ports[4] >> 4) * 4
    if ports[4] >> 4 < _TCP.size // 4 or start > total:
        return None
    data = bytes(packet[start : min(total, len(packet))])
    return Segment(
        time=time,
        source=Address(socket.inet_ntoa(bytes(packet[12:16])), ports[0]),
        target=Address(socket.inet_ntoa(bytes(packet[16:20])), ports[1]),
        sequence=ports[2],
        acknowledged=ports[3],
        syn=bool(flags & 2),
        ack=bool(flags & 16),
        fin=bool(flags & 1),
        reset=bool(flags & 4),
        data=data,
        cut=total - start - len(data),
    )
