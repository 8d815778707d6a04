"""One direction of a TCP connection put together from its segments: in order, each byte once. Pure.

Source: RFC 9293 for sequence numbers, which wrap at 2^32.
"""

from __future__ import annotations

_WRAP = 1 << 32
_HALF = 1 << 31
MOST_PENDING = 8 * 1024 * 1024
"""Bytes that may wait for a missing one; with more, the missing one is given up."""


def distance(start: int, end: int) -> int:
    """How far `end` lies behind `start`, negative where it lies before it."""
    return (end - start + _HALF) % _WRAP - _HALF


class HalfStream:
    """The bytes that one end sends. `position` is the sequence number of the byte that comes next."""

    def __init__(self, position: int) -> None:
        self.position = position % _WRAP
        self._pending: dict[int, bytes] = {}
        self._size = 0
        self._end: int | None = None

    def feed(self, sequence: int, data: bytes) -> bytes:
        """Takes a segment's payload; returns what is in order now, which may be nothing."""
        ahead = distance(self.position, sequence)
        if ahead <= 0:
            data = data[-ahead:] if ahead else data
            if not data:
                return b""
            self._advance(len(data))
            return data + self._ready() if self._pending else data
        if data:
            kept = self._pending.get(sequence, b"")
            if len(data) > len(kept):
                self._size += len(data) - len(kept)
                self._pending[sequence] = data
        return b""

    def ends_at(self, sequence: int) -> None:
        """The sender has no bytes from this sequence number on."""
        self._end = sequence % _WRAP

    @property
    def ended(self) -> bool:
        """Everything up to the end has been returned."""
        return self._end is not None and distance(self.position, self._end) <= 0

    def lacks(self, acknowledged: int) -> int:
        """How many bytes the other end has confirmed that were not seen here.

        The confirmation of an end itself counts as one byte, which is no loss.
        """
        missing = distance(self.position, acknowledged)
        if self._end is not None and distance(self._end, acknowledged) > 0:
            missing -= 1
        return max(missing, 0)

    @property
    def too_much_pending(self) -> bool:
        return self._size > MOST_PENDING

    def skip(self, acknowledged: int) -> int:
        """Gives up what is missing, up to the first byte that is there, or to `acknowledged`; returns its size."""
        nearest = min((distance(self.position, start) for start in self._pending), default=None)
        confirmed = self.lacks(acknowledged)
        missing = confirmed if nearest is None else min(nearest, confirmed) if confirmed else nearest
        self._advance(missing)
        return missing

    def _ready(self) -> bytes:
        found = []
        while self._pending:
            start = min(self._pending, key=lambda sequence: distance(self.position, sequence))
            ahead = distance(self.position, start)
            if ahead > 0:
                break
            data = self._pending.pop(start)
            self._size -= len(data)
            fresh = data[-ahead:] if ahead else data
            self._advance(len(fresh))
            found.append(fresh)
        return b"".join(found)

    def _advance(self, count: int) -> None:
        self.position = (self.position + count) % _WRAP
