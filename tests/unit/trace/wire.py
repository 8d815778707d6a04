"""Connections as a packet socket sees them, made by hand: segments of a client and a server that take turns."""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.trace.packets.connections import Connections
from emulator.trace.packets.packets import Address, Segment
from emulator.trace.requests.exchange import Exchange

CLIENT = Address("172.30.0.2", 40000)
SERVER = Address("172.30.0.3", 80)
GET = b"GET /api/x HTTP/1.1\r\nHost: shop.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@dataclass
class Wire:
    """One connection. Every method returns the segment that it makes; `time` goes on by a millisecond each."""

    client: Address = CLIENT
    server: Address = SERVER
    client_next: int = 1000
    server_next: int = 5000
    time: float = 100.0
    made: list[Segment] = field(default_factory=list)

    def open(self) -> list[Segment]:
        """The three packets of a handshake."""
        return [
            self._make(True, syn=True, ack=False),
            self._make(False, syn=True),
            self._make(True),
        ]

    def asks(self, data: bytes) -> Segment:
        return self._make(True, data)

    def answers(self, data: bytes) -> Segment:
        return self._make(False, data)

    def ends(self, by_client: bool) -> Segment:
        return self._make(by_client, fin=True)

    def breaks(self, by_client: bool) -> Segment:
        return self._make(by_client, reset=True)

    def confirms(self, by_client: bool) -> Segment:
        """An acknowledgement without data."""
        return self._make(by_client)

    def _make(
        self,
        by_client: bool,
        data: bytes = b"",
        *,
        syn: bool = False,
        ack: bool = True,
        fin: bool = False,
        reset: bool = False,
    ) -> Segment:
        self.time += 0.001
        source, target = (self.client, self.server) if by_client else (self.server, self.client)
        sequence = self.client_next if by_client else self.server_next
        other = self.server_next if by_client else self.client_next
        found = Segment(self.time, source, target, sequence % 2**32, other % 2**32, syn, ack, fin, reset, data)
        if by_client:
            self.client_next += len(data) + syn + fin
        else:
            self.server_next += len(data) + syn + fin
        self.made.append(found)
        return found


def seen(segments: list[Segment]) -> list[Exchange]:
    """What the capture makes of these segments, what is not over included."""
    found: list[Exchange] = []
    connections = Connections(found.append, lambda: ("0.0.0.0:80", "127.0.0.1:3000"))
    for segment in segments:
        connections.feed(segment)
    return found + connections.unfinished(segments[-1].time + 60)
