"""Connections out of segments: who opened them, what each side sent, in order, and how they ended. Pure.

A connection that began before the capture is taken up at the next request in it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.trace.packets.packets import Address, Segment
from emulator.trace.packets.stream import HalfStream, distance
from emulator.trace.requests.conversation import REQUEST_LINE, Conversation
from emulator.trace.requests.exchange import Exchange, OnExchange, Outcome

REORDERING_TIMEOUT = 0.3
"""Seconds that a byte may be missing: packets of two processors may come in another order."""
MOST_HELD = 2000
"""Segments of a connection that may wait for a missing one."""
UNREACHABLE_AFTER = 1.0
"""Seconds without an answer to an attempt to connect; Linux tries again after one."""
MOST_CONNECTIONS = 20_000
"""Beyond, those that were opened first are forgotten."""


@dataclass
class _Connection:
    client: Address
    server: Address
    opened: float
    sequence: int
    """Of the client's first byte."""
    established: bool = False
    conversation: Conversation | None = None
    from_client: HalfStream | None = None
    from_server: HalfStream | None = None
    held: list[tuple[Segment, bool]] = field(default_factory=list)
    """Segments that came before what they confirm, each with whether it is the client's."""
    server_closed: bool = False
    client_closed: bool = False


class Connections:
    """All connections of a network namespace. `listening` is asked when one is refused."""

    def __init__(self, emit: OnExchange, listening: Callable[[], tuple[str, ...]] = tuple) -> None:
        self._emit = emit
        self._listening = listening
        self._known: dict[tuple[Address, Address], _Connection] = {}
        self.missing = 0
        """Bytes that were confirmed by their receiver and not seen here."""
        self.unreadable = 0
        """Connections that were given up because of an error of ours."""

    def feed(self, segment: Segment) -> None:
        """Takes the next segment. Whatever it does to its connection, the others are read on."""
        try:
            self._feed(segment)
        except Exception:
            self.unreadable += 1
            one = self._known.pop((segment.source, segment.target), None)
            one = one or self._known.pop((segment.target, segment.source), None)
            with contextlib.suppress(Exception):
                if one is not None and one.conversation is not None:
                    one.conversation.lost(segment.time, "the capture could not read it")

    def _feed(self, segment: Segment) -> None:
        if segment.syn:
            self._opening(segment)
            return
        found = self._known.get((segment.source, segment.target))
        by_client = True
        if found is None:
            found, by_client = self._known.get((segment.target, segment.source)), False
        if found is None:
            self._midway(segment)
            return
        if segment.reset:
            self._reset(found, segment, by_client)
            return
        if found.conversation is None:
            if by_client and not found.established:
                found.established = True
            if not self._resumed(found, segment, by_client):
                return
        self._data(found, segment, by_client)

    def unfinished(self, now: float) -> list[Exchange]:
        """Exchanges in progress, as far as they came; connection attempts that have been unanswered for a while."""
        found: list[Exchange] = []
        for one in self._known.values():
            if one.conversation is not None:
                found += one.conversation.unfinished()
            elif not one.established and now - one.opened > UNREACHABLE_AFTER:
                found.append(self._attempt(one, Outcome.UNREACHABLE, None, "nothing answers the attempt to connect"))
        return found

    def _opening(self, segment: Segment) -> None:
        if segment.ack:
            found = self._known.get((segment.target, segment.source))
            if found is not None and not found.established:
                found.established = True
                self._begin(found, segment.time, found.sequence, segment.sequence + 1)
            return
        key = (segment.source, segment.target)
        before = self._known.get(key)
        if before is not None:
            if not before.established and before.sequence == segment.sequence + 1:
                return  # sent again
            self._forget(before, segment.time)
        self._known[key] = _Connection(segment.source, segment.target, segment.time, segment.sequence + 1)
        if len(self._known) > MOST_CONNECTIONS:
            self._forget(next(iter(self._known.values())), segment.time)

    def _begin(self, one: _Connection, time: float, client_position: int, server_position: int) -> None:
        one.conversation = Conversation(str(one.client), str(one.server), self._emit, time, client_position)
        one.from_client = HalfStream(client_position)
        one.from_server = HalfStream(server_position)

    def _midway(self, segment: Segment) -> None:
        """A connection whose beginning was not seen: the side that sends a request is the client."""
        if segment.ack and not segment.reset and REQUEST_LINE.match(segment.data):
            one = _Connection(segment.source, segment.target, segment.time, segment.sequence, established=True)
            self._known[(segment.source, segment.target)] = one
            self._begin(one, segment.time, segment.sequence, segment.acknowledged)
            self._data(one, segment, True)

    def _resumed(self, one: _Connection, segment: Segment, by_client: bool) -> bool:
        """After bytes were missed: whether this segment begins a request."""
        if segment.fin:
            self._known.pop((one.client, one.server), None)
            return False
        if not (by_client and segment.ack and REQUEST_LINE.match(segment.data)):
            return False
        self._begin(one, segment.time, segment.sequence, segment.acknowledged)
        return True

    def _data(self, one: _Connection, segment: Segment, by_client: bool) -> None:
        """Takes a segment, unless it confirms bytes that have not come: packets of two processors may swap places, and
        an answer must not be read before its request."""
        if self._early(one, segment, by_client):
            one.held.append((segment, by_client))
            if segment.time - one.held[0][0].time > REORDERING_TIMEOUT or len(one.held) > MOST_HELD:
                self._interrupt(one, segment)
            return
        self._take(one, segment, by_client)
        while one.conversation is not None:
            ready = next((pair for pair in one.held if not self._early(one, *pair)), None)
            if ready is None:
                return
            one.held.remove(ready)
            self._take(one, *ready)

    @staticmethod
    def _early(one: _Connection, segment: Segment, by_client: bool) -> bool:
        other = one.from_server if by_client else one.from_client
        return segment.ack and other is not None and other.lacks(segment.acknowledged) > 0

    def _take(self, one: _Connection, segment: Segment, by_client: bool) -> None:
        half = one.from_client if by_client else one.from_server
        assert half is not None
        assert one.conversation is not None
        if segment.fin:
            half.ends_at(segment.sequence + len(segment.data) + segment.cut)
        data = half.feed(segment.sequence, segment.data)
        if data:
            (one.conversation.from_client if by_client else one.conversation.from_server)(segment.time, data)
        if half.too_much_pending:
            self._interrupt(one, segment)
        elif half.ended:
            self._closing(one, segment.time, by_client)
        if one.conversation.given_up:
            one.conversation = one.from_client = one.from_server = None

    def _interrupt(self, one: _Connection, segment: Segment) -> None:
        """Bytes are missing for good: what goes on cannot be read to its end, and the next request is waited for."""
        held, one.held = one.held, []
        for confirming, by_client in held:
            other = one.from_server if by_client else one.from_client
            if other is not None:
                self.missing += other.skip(confirming.acknowledged)
        if one.conversation is not None:
            one.conversation.lost(segment.time)
        one.conversation = one.from_client = one.from_server = None
        for confirming, _ in held:
            self._feed(confirming)

    def _closing(self, one: _Connection, time: float, by_client: bool) -> None:
        assert one.conversation is not None
        if by_client:
            one.client_closed = True
        elif not one.server_closed:
            one.server_closed = True
            one.conversation.server_closed(time)
        if one.client_closed and one.server_closed:
            one.conversation.end(time)
            self._known.pop((one.client, one.server), None)

    def _reset(self, one: _Connection, segment: Segment, by_client: bool) -> None:
        self._known.pop((one.client, one.server), None)
        if one.conversation is not None:
            one.conversation.reset(segment.time, by_server=not by_client)
        elif not one.established and not by_client and distance(one.sequence, segment.acknowledged) == 0:
            self._emit(self._attempt(one, Outcome.REFUSED, segment.time, "connection refused", self._listening()))

    def _forget(self, one: _Connection, time: float) -> None:
        self._known.pop((one.client, one.server), None)
        if one.conversation is not None:
            one.conversation.end(time)

    @staticmethod
    def _attempt(
        one: _Connection, outcome: Outcome, ended: float | None, note: str, listening: tuple[str, ...] = ()
    ) -> Exchange:
        return Exchange(
            str(one.client),
            str(one.server),
            one.sequence,
            outcome,
            one.opened,
            ended=ended,
            note=note,
            listening=listening,
        )
