"""Joins traces with the load balancer's requests.

X-Ray's SDKs go on with the id that the load balancer put into the request. OpenTelemetry begins a trace of its own
there, since that header names no parent; but its server spans say from which port the request came, and the load
balancer which port it asked from: within the time of the request, at one task, that is one connection, and so one
request.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from emulator.traces.spans import Span, root_digits

CLOCKS = 0.05
"""Seconds by which the two may disagree."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the load balancer logged it. Times in seconds."""

    time: float
    duration: float
    method: str
    url: str
    status: int
    service: str
    target: str
    """Address of the target, without its port; empty where it went to none."""
    source_port: int
    """Where the load balancer asked the target from."""
    trace: str
    """The header `X-Amzn-Trace-Id`."""

    @property
    def root(self) -> str:
        """The digits of the trace's id; empty where there is none."""
        return root_digits(self.trace)


@dataclass(frozen=True, slots=True)
class Joined:
    """The request that a trace began with, and by what that is known."""

    request: Request
    span: str
    """The span that served it."""
    by: Literal["id", "port"]

    def as_plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self.request), "span": self.span, "by": self.by}


class Joiner:
    """Finds the request of a trace among those that the load balancer logged."""

    def __init__(self, requests: Iterable[Request]) -> None:
        self._by_id: defaultdict[str, list[Request]] = defaultdict(list)
        self._by_port: defaultdict[tuple[str, int], list[Request]] = defaultdict(list)
        for request in requests:
            if request.root:
                self._by_id[request.root].append(request)
            if request.target and request.source_port:
                self._by_port[request.target, request.source_port].append(request)

    def of(self, spans: Sequence[Span]) -> list[Joined]:
        """The requests that led to spans of one trace, by their time; none where it cannot be said for sure."""
        found: dict[Request, Joined] = {}
        for span in spans:
            if not span.root:
                continue
            for joined in (self._of_id(span), self._of_port(span)):
                if joined is not None:
                    found.setdefault(joined.request, joined)
        return sorted(found.values(), key=lambda one: one.request.time)

    def _of_id(self, span: Span) -> Joined | None:
        hits = [one for one in self._by_id.get(span.trace, ()) if one.target == span.address and _holds(one, span)]
        return Joined(hits[0], span.span, "id") if len(hits) == 1 else None

    def _of_port(self, span: Span) -> Joined | None:
        if not span.peer_port:
            return None
        hits = [one for one in self._by_port.get((span.address, span.peer_port), ()) if _holds(one, span)]
        return Joined(hits[0], span.span, "port") if len(hits) == 1 else None


def _holds(request: Request, span: Span) -> bool:
    """Whether a span lies within a request's time. It may end after the answer was sent."""
    return request.time - CLOCKS <= span.start <= request.time + request.duration + CLOCKS
