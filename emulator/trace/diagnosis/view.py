"""A trace as its faults are looked for in it: what is around a hop, and what its nginx is configured to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

from emulator.errors import Position
from emulator.redaction import HIDDEN
from emulator.trace.diagnosis import nginx
from emulator.trace.diagnosis.asked_by import AskedBy, asked_by, goes_unseen
from emulator.trace.diagnosis.routes import Route, nearest, routes
from emulator.trace.diagnosis.servers import Chosen, choose_server
from emulator.trace.diagnosis.variables import Asked, defined_in
from emulator.trace.requests.exchange import Outcome
from emulator.trace.requests.hops import Hop, Trace, header

ReadNginx = Callable[[str], Sequence[nginx.Directive]]
"""nginx's configuration in a container, by the container's name in Docker; empty where no nginx is in it."""
ReadLines = Callable[[Hop], Sequence[str]]
"""What the server of a hop printed while it answered, oldest first; empty where that is not known."""
REDIRECTS = (301, 302, 303, 307, 308)
_OF_THE_CLIENT = re.compile("forwarded|proto|scheme|port|ssl|https")
"""Headers that say how a client asked."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong with a request."""

    message: str
    """What it is."""
    hint: str
    """What to do about it; may be empty."""
    hop: int
    """The place in the trace's hops, from 0."""
    position: Position | None = None
    """File and line of nginx's configuration, where it stands in one."""
    certain: bool = True
    """False: it explains what was seen, and something else may too."""


class View:
    """The hops of a trace, with what is around each."""

    def __init__(self, trace: Trace, read_nginx: ReadNginx, printed: ReadLines = lambda _: ()) -> None:
        self.printed = printed
        self.hops = trace.hops
        self.asked = trace.asked
        self._read = read_nginx
        self._ways: dict[int, list[Route]] = {}

    @property
    def scheme(self) -> str:
        """What the client used: `http` or `https`."""
        return "https" if self.hops[0].exchange.outcome is Outcome.TLS else "http"

    def before(self, hop: Hop) -> Hop | None:
        """The request that led to this one, where both can be read."""
        before = self.hops[hop.parent] if hop.parent is not None else None
        return before if before is not None and before.exchange.request and hop.exchange.request else None

    def containers_above(self, hop: Hop) -> list[str]:
        """The containers that a request came through on its way to a hop."""
        found: list[str] = []
        while hop.parent is not None:
            hop = self.hops[hop.parent]
            found.append(hop.container)
        return found

    def passed_on(self, hop: Hop) -> bool:
        """Whether a hop is the request before it, sent on by a proxy: not a call that a program makes of its own."""
        before = self.before(hop)
        if before is None:
            return False
        alike = before.method == hop.method and before.sent("user-agent") == hop.sent("user-agent")
        same_path = before.path == hop.path or eaten_prefix(before.path, hop.path) != ""
        return (alike and same_path) or bool(self.configuration(before))

    def after(self, number: int) -> list[Hop]:
        """What a hop led to."""
        return [hop for hop in self.hops if hop.parent == number]

    def configuration(self, hop: Hop) -> Sequence[nginx.Directive]:
        """That of the hop's server."""
        name = hop.place.members.get(hop.container, "") if hop.place else ""
        return self._read(name) if name else ()

    def in_nginx(self, hop: Hop | None, directive: str) -> str:
        """What to add to an advice: the directive that does it, for a server that may be another one than nginx too."""
        known = hop is not None and bool(self.configuration(hop))
        return f": `{directive}`" if known else f"; in nginx: `{directive}`"

    def server_block(self, hop: Hop) -> Chosen | None:
        """The server block that the hop's request got; None also where nginx may have taken another one."""
        chosen = self.server_block_for(hop, hop.host)
        return chosen if chosen is not None and chosen.known else None

    def server_block_for(self, hop: Hop, host: str) -> Chosen | None:
        """The one that it would have got with another Host."""
        return choose_server(self.configuration(hop), host, port_of(hop), address_of(hop))

    def ways(self, hop: Hop) -> list[Route]:
        """The ways that the hop's request may have taken through its server block."""
        if id(hop) not in self._ways:
            chosen = self.server_block(hop)
            self._ways[id(hop)] = self.ways_through(chosen.server, hop) if chosen is not None else []
        return self._ways[id(hop)]

    def ways_through(self, server: nginx.Directive, hop: Hop, *, https: bool = False) -> list[Route]:
        """The ways that it would take through a server block, or those of the same request over HTTPS."""
        asked = _asked(hop, defined_in(self.configuration(hop)))
        return routes(self.configuration(hop), server, _over_https(asked) if https else asked)

    def effective(self, hop: Hop, name: str) -> list[nginx.Directive]:
        """The directives of that name which hold for the hop's request where it was answered."""
        way = self._way(hop)
        return nearest(way.blocks, self.configuration(hop), name) if way is not None else []

    def effective_first(self, hop: Hop, name: str) -> list[nginx.Directive] | None:
        """Those that hold where it was first located: what nginx looks at before it reads a body. None: not known."""
        blocks = [way.entered or way.blocks for way in self.ways(hop) if not way.on_error]
        found = [nearest(one, self.configuration(hop), name) for one in blocks]
        return found[0] if found and all(one == found[0] for one in found) else None

    def passes_on(self, hop: Hop) -> bool:
        """Whether nginx is configured to pass the hop's request on."""
        return any(way.passes for way in self.ways(hop))

    def passing(self, hop: Hop) -> nginx.Directive | None:
        """The one directive that passes the hop's request on, or may."""
        return self.ending(hop, lambda way: way.passes)

    def ending(self, hop: Hop, fits: Callable[[Route], bool]) -> nginx.Directive | None:
        """The one directive that ends the hop's ways of a kind; None where it may be one of several."""
        ends = {id(way.end): way.end for way in self.ways(hop) if fits(way)}
        return next(iter(ends.values())) if len(ends) == 1 else None

    def unseen(self, hop: Hop) -> bool:
        """Whether another program may have answered which no hop shows."""
        return any(goes_unseen(self.configuration(hop), way) for way in self.ways(hop))

    def returned(self, hop: Hop) -> nginx.Directive | None:
        """nginx's `return` of the status that the hop was answered, where its request gets to one."""
        limits = [one for name in ("limit_req", "limit_conn") for one in self.effective(hop, name)]
        if self.unseen(hop) or limits:
            return None
        return self.ending(hop, lambda way: way.status is not None and way.status == hop.status)

    def asked_by(self, hop: Hop) -> AskedBy | None:
        """What made nginx ask this hop's server."""
        before = self.hops[hop.parent] if hop.parent is not None else None
        if before is None or not before.exchange.request:
            return None  # also where the request came over TLS
        chosen = self.server_block(before)
        if chosen is None:
            return None
        return asked_by(self.configuration(before), chosen.server, self.ways(before), address_of(hop), port_of(hop))

    def proxy_pass(self, hop: Hop) -> nginx.Directive | None:
        """The directive that made nginx ask this hop's server."""
        found = self.asked_by(hop)
        return found.passes if found is not None else None

    def _way(self, hop: Hop) -> Route | None:
        """The likeliest way: one that led to what was asked, or that answers so by itself, else the first."""
        for after in reversed([one for one in self.hops if one.parent is not None and self.hops[one.parent] is hop]):
            found = self.asked_by(after)
            if found is not None and found.route is not None:
                return found.route
        ways = self.ways(hop)
        return next(
            (way for way in ways if way.status is not None and way.status == hop.status), next(iter(ways), None)
        )


def _asked(hop: Hop, defined: Mapping[str, nginx.Directive | None]) -> Asked:
    headers: dict[str, str | None] = {}
    for name, value in hop.exchange.request.headers if hop.exchange.request else ():
        key = name.lower().replace("-", "_")
        headers[key] = None if key in headers or HIDDEN in value else value
    return Asked(hop.method, hop.path, hop.host, headers, port_of(hop), defined)


def _over_https(asked: Asked) -> Asked:
    """The same request as the load balancer sends it on where its client used HTTPS."""
    headers: dict[str, str | None] = {
        name: None if _OF_THE_CLIENT.search(name) or name == "host" else value for name, value in asked.headers.items()
    }
    return replace(asked, headers={**headers, "x_forwarded_proto": "https"})


def eaten_prefix(before: str, after: str) -> str:
    """What a path has lost at its beginning (`/api` of `/api/x` and `/x`); empty where it changed otherwise, or not."""
    old, new = before.partition("?")[0], after.partition("?")[0]
    if old == new:
        return ""
    tail = "/" + new.lstrip("/")
    if old.endswith(tail):
        return old.removesuffix(tail)
    return old if tail == "/" else ""


def port_of(hop: Hop) -> int:
    """The port that was asked."""
    return int(hop.exchange.server.rpartition(":")[2])


def address_of(hop: Hop) -> str:
    """The address that was asked."""
    return hop.exchange.server.rpartition(":")[0]


def name_of(hop: Hop) -> str:
    """What to call the hop's server."""
    return hop.container or hop.server


def text(directive: nginx.Directive) -> str:
    """A directive as it is written."""
    return f"{directive.name} {' '.join(directive.arguments)};"


def location_of(hop: Hop) -> str:
    """Where an answer redirects to; empty where it does not."""
    response = hop.exchange.response
    return header(response.headers, "location") if response is not None and response.status in REDIRECTS else ""


def split(url: str) -> SplitResult | None:
    """A URL's parts; None where it is none, since what an application answers may be anything."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def host_and_port(url: str) -> tuple[str, int | None]:
    """Of a URL, or of a `Host` written as `//host`. The port is None where it is not said, or is none."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "", None
