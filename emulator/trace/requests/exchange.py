"""What a capture sees of one request on one connection, and of connections that are no HTTP/1."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]
BROKEN_OFF = "the client reset the connection"
"""What the note of an exchange begins with that its client did not wait for the end of."""


class Outcome(enum.StrEnum):
    """What became of a request, or of a connection."""

    ANSWERED = "answered"
    UPGRADED = "upgraded"
    """The connection speaks another protocol from here on."""
    CUT = "cut off"
    """The answer began and did not end."""
    NO_ANSWER = "no answer"
    """The connection ended first."""
    REFUSED = "refused"
    """Nothing listens there."""
    UNREACHABLE = "unreachable"
    """Nothing answers the attempt to connect."""
    MALFORMED = "malformed"
    """HTTP/1 begins and then something breaks its rules."""
    UNFINISHED = "unfinished"
    """It went on when the capture ended."""
    PARTLY_SEEN = "partly seen"
    """The capture lost packets of it."""
    TLS = "tls"
    OPAQUE = "opaque"
    """Something else than HTTP/1."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was on the wire. `body` in bytes, without the framing of chunks."""

    method: str
    target: str
    version: str
    headers: Headers
    body: int = 0


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as it was on the wire. `body` in bytes, without the framing of chunks."""

    status: int
    reason: str
    version: str
    headers: Headers
    body: int = 0


@dataclass(frozen=True, slots=True)
class HeadSize:
    """Bytes of a message's first line and headers on the wire, with the empty line, and its largest header."""

    bytes: int
    largest: str = ""
    largest_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Logged:
    """A line of the access log of a task's proxy of Service Connect."""

    service: str
    task: str
    line: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, or a connection without HTTP/1. Times in seconds since 1970."""

    client: str
    server: str
    """`address:port`, as `client`."""
    sequence: int
    """The TCP sequence number of the first byte, which two captures of one connection agree on."""
    outcome: Outcome
    began: float
    answered: float | None = None
    """When the answer's first byte came."""
    ended: float | None = None
    request: Request | None = None
    response: Response | None = None
    informational: tuple[int, ...] = ()
    """Statuses before the answer: 100, 103."""
    server_name: str = ""
    """TLS: the name that the client asks for (SNI)."""
    sent: int = 0
    """Bytes of the client, where the outcome is `tls` or `opaque`."""
    received: int = 0
    note: str = ""
    """What it is, or what is wrong with it, in words."""
    listening: tuple[str, ...] = ()
    """Where something listened in the namespace when the connection was refused."""

    @property
    def broken_off(self) -> bool:
        """Whether its client wanted no more of it."""
        return self.outcome in (Outcome.CUT, Outcome.NO_ANSWER) and self.note.startswith(BROKEN_OFF)


OnExchange = Callable[[Exchange], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """The capture's account of itself."""

    packets: int
    lost: int
    """Packets that the kernel dropped because the capture was too slow."""
    missing: int
    """Bytes of connections that were confirmed by their receiver and not seen here."""
    unreadable: int = 0
    """Connections that were given up because of an error of ours."""


@dataclass(frozen=True, slots=True)
class Report:
    """One line of a capture's output: exactly one of these."""

    exchange: Exchange | None = None
    ready: bool = False
    """The capture runs."""
    finished: Finished | None = None
    until: float | None = None
    """Every exchange that had begun at this time has been told, over or not."""
    fault: str = ""
    """The capture cannot run, and why."""
