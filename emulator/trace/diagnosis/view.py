"""A trace as its faults are looked for in it: what is around a hop, and what its nginx is configured to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from emulator.errors import Position
from emulator.trace.diagnosis import locations, nginx
from emulator.trace.diagnosis.servers import Chosen, choose_server
from emulator.trace.requests.exchange import Outcome
from emulator.trace.requests.hops import Hop, Trace, header

ReadNginx = Callable[[str], Sequence[nginx.Directive]]
"""nginx's configuration in a container, by the container's name in Docker; empty where no nginx is in it."""
ReadLines = Callable[[Hop], Sequence[str]]
"""What the server of a hop printed while it answered, oldest first; empty where that is not known."""
REDIRECTS = (301, 302, 303, 307, 308)


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

    @property
    def scheme(self) -> str:
        """What the client used: `http` or `https`."""
        return "https" if self.hops[0].exchange.outcome is Outcome.TLS else "http"

    def before(self, hop: Hop) -> Hop | None:
        """The request that led to this one, where both can be read."""
        before = self.hops[hop.parent] if hop.parent is not None else None
        return before if before is not None and before.exchange.request and hop.exchange.request else None

    def passed_on(self, hop: Hop) -> bool:
        """Whether a hop is the request before it, sent on by a proxy: not a call that a program makes of its own."""
        before = self.before(hop)
        if before is None or before.exchange.request is None or hop.exchange.request is None:
            return False
        agents = {header(one.exchange.request.headers, "user-agent") for one in (before, hop) if one.exchange.request}
        alike = before.method == hop.method and len(agents) == 1
        same_path = before.path == hop.path or eaten_prefix(before.path, hop.path) != ""
        return (alike and same_path) or bool(self.configuration(before))

    def after(self, number: int) -> list[Hop]:
        """What a hop led to."""
        return [hop for hop in self.hops if hop.parent == number]

    def configuration(self, hop: Hop) -> Sequence[nginx.Directive]:
        """That of the hop's server."""
        name = hop.place.members.get(hop.container, "") if hop.place else ""
        return self._read(name) if name else ()

    def server_block(self, hop: Hop) -> Chosen | None:
        """The server block that the hop's request got."""
        return self.server_block_for(hop, hop.host)

    def server_block_for(self, hop: Hop, host: str) -> Chosen | None:
        """The one that it would have got with another Host."""
        return choose_server(self.configuration(hop), host, port_of(hop), address_of(hop))

    def effective(self, hop: Hop, name: str) -> list[nginx.Directive]:
        """The directives of that name which hold for the hop's request."""
        chosen = self.server_block(hop)
        return locations.effective(self.configuration(hop), chosen.server, hop.path, name) if chosen else []

    def passes_on(self, hop: Hop) -> bool:
        """Whether nginx is configured to pass the hop's request on."""
        chosen = self.server_block(hop)
        return chosen is not None and locations.proxy_pass(chosen.server, hop.path) is not None

    def returned(self, hop: Hop) -> nginx.Directive | None:
        """nginx's `return` of the status that the hop was answered, where its request gets to one."""
        found = self.effective(hop, "return")
        return next((one for one in found if one.arguments[:1] == (str(hop.status),)), None)

    def proxy_pass(self, hop: Hop) -> nginx.Directive | None:
        """The directive that made nginx ask this hop's server."""
        before = self.hops[hop.parent] if hop.parent is not None else None
        if before is None or not before.exchange.request:
            return None  # also where the request came over TLS
        chosen = self.server_block(before)
        return locations.proxy_pass(chosen.server, before.path) if chosen else None


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
