"""Requests as they go from container to container: exchanges joined to hops, hops to requests. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from emulator.trace.requests.changes import Change, changes, without_secrets
from emulator.trace.requests.exchange import Exchange, Headers, HeadSize, Logged, Outcome
from emulator.trace.requests.head_size import head_size, request_head, response_head

TRACE_HEADER = "x-amzn-trace-id"
_ROOT = re.compile(r"(?:^|;)\s*Root=([^;]+)", re.IGNORECASE)
CHECKER = "ELB-HealthChecker/"
ID_REPLACED_ABOVE = 7000
"""Bytes of headers above which the load balancer may replace a trace id: an ALB does so when they exceed 7 KB."""
FRONTS = ("front", "internal-front")
"""What the load balancers are called."""
SERVICE_CONNECT = "service-connect"  # the client of a hop that the task's own proxy makes


@dataclass(frozen=True, slots=True)
class Place:
    """A network namespace of the environment, where requests are seen: a task's, or the front's."""

    container: str
    """The container that owns it, by its name in Docker."""
    name: str
    """The service, or what it is: one of `FRONTS`."""
    address: str
    """Its IPv4 address in the environment's network."""
    task: str = ""
    ports: Mapping[int, str] = field(default_factory=dict)
    """Which container listens where, as the task definition maps ports."""
    members: Mapping[str, str] = field(default_factory=dict)
    """Its containers that run: the name in the task definition, and the one in Docker."""
    proxied_port: int = 0
    """What comes in at this port goes through its proxy of Service Connect; 0: it has none."""


Identity = tuple[str, str, str, int]


def identity(place: Place | None, exchange: Exchange) -> Identity:
    """What an exchange is known by in the accounts of all captures, over or not. `place`: where it was seen.

    Loopback's addresses are the same everywhere, so the namespace counts for them; times differ by a little.
    """
    inside = place.container if place is not None and _stays_inside(exchange) else ""
    return inside, exchange.client, exchange.server, exchange.sequence


def _stays_inside(exchange: Exchange) -> bool:
    client = _host(exchange.client)
    return client.startswith("127.") or client == _host(exchange.server)


@dataclass(frozen=True, slots=True)
class Hop:
    """A request from one container to the next, as it was on the wire between them."""

    client: str
    """The container that asked: `nginx`; `client` where it is outside, `service-connect` for the task's own proxy."""
    server: str
    """The container that was asked, with its port: `hello:3000`; an address where it is outside."""
    service: str
    """The service whose task was asked; empty for the front and for what is outside."""
    task: str
    """The id of that task, shortened."""
    depth: int
    """0 for the request from outside, 1 for what that led to, and so on."""
    exchange: Exchange
    """What was on the wire: `request`, `response`, `outcome`, when it `began` and `ended`."""
    by: str = ""
    """How it was found to belong to its request: `trace id`, `time`; empty for the first."""
    fits: int = 1
    """How many requests it may belong to; with more than one, this is the likeliest."""
    parent: int | None = None
    """The hop that led to this one: its place in `Trace.hops`."""
    request_changes: tuple[Change, ...] = ()
    """What became of the headers since the hop before, on the way in."""
    response_changes: tuple[Change, ...] = ()
    """What the client of this hop made of the answer's headers before it answered itself."""
    place: Place | None = field(default=None, repr=False)
    """Where the server is."""
    container: str = ""
    """The server's name in the task definition, where it is known."""
    logged: tuple[Logged, ...] = ()
    """What proxies of Service Connect wrote of it."""
    request_head: HeadSize | None = None
    """Its size as it was on the wire, secrets included; None without a request."""
    response_head: HeadSize | None = None
    """The same of the answer."""

    @property
    def method(self) -> str:
        """Empty where the request cannot be read, as over TLS; so are `path` and `host`."""
        return self.exchange.request.method if self.exchange.request else ""

    @property
    def path(self) -> str:
        """Path and query, as they were sent."""
        return self.exchange.request.target if self.exchange.request else ""

    @property
    def host(self) -> str:
        """The `Host` that was sent."""
        return self.sent("host")

    def sent(self, name: str) -> str:
        """The value of a header of the request; empty without it."""
        return header(self.exchange.request.headers, name) if self.exchange.request else ""

    @property
    def status(self) -> int | None:
        """What the server answered; None where it did not."""
        return self.exchange.response.status if self.exchange.response else None

    @property
    def milliseconds(self) -> float | None:
        """From the request's first byte to the answer's last."""
        return None if self.exchange.ended is None else (self.exchange.ended - self.exchange.began) * 1000


@dataclass(frozen=True, slots=True)
class Trace:
    """One request and everything it led to, in the order in which it began."""

    hops: tuple[Hop, ...]
    trace_id: str = ""
    """The root of its X-Amzn-Trace-Id."""

    @property
    def asked(self) -> Hop:
        """The first hop whose request can be read; the first where none can."""
        return next((hop for hop in self.hops if hop.exchange.request is not None), self.hops[0])

    @property
    def is_health_check(self) -> bool:
        request = self.hops[0].exchange.request
        return request is not None and header(request.headers, "user-agent").startswith(CHECKER)


@dataclass(frozen=True, slots=True)
class _Link:
    """What an exchange belongs to: the one it came from, how that is known, and how many there were to choose from."""

    to: int
    by: str
    fits: int = 1


@dataclass(slots=True)
class _Found:
    """An exchange with where it was seen."""

    exchange: Exchange
    origin: Place | None
    """The namespace of the client, if it is one of ours."""
    target: Place | None
    root: str
    worth: tuple[int, bool]
    """How much this account tells, and whether it is the server's: the best one counts."""


def header(headers: Headers, name: str) -> str:
    """The first value of a header; empty without it."""
    return next((value for found, value in headers if found.lower() == name.lower()), "")


def trace_root(headers: Headers) -> str:
    """The root of X-Amzn-Trace-Id: the same in every hop of a request whose containers pass the header on."""
    match = _ROOT.search(header(headers, TRACE_HEADER))
    return match[1].strip() if match else ""


def assemble(seen: Iterable[tuple[Place, Exchange]], places: Sequence[Place], *, secrets: bool = False) -> list[Trace]:
    """The requests among what was seen, each with its hops. `seen`: exchanges with the namespace of the capture.

    Values of headers that hold secrets are replaced unless `secrets`.
    """
    found = _distinct(seen, places)
    parents = _parents(found)
    covers = _covers(found, parents)
    children: dict[int | None, list[int]] = {}
    for index in range(len(found)):
        children.setdefault(parents[index].to if index in parents else None, []).append(index)
    traces = []
    for first in children.get(None, []):
        if first in covers.values():
            continue
        order = [(covers[first], 0)] if first in covers else []
        _walk(first, len(order), children, order)
        place_of = {index: position for position, (index, _) in enumerate(order)}
        above = {**parents, **({first: _Link(covers[first], "time")} if first in covers else {})}
        hops = tuple(_hop(index, depth, found, above, place_of, secrets=secrets) for index, depth in order)
        ids = (one.root for one in (found[index] for index, _ in order) if one.root)
        traces.append(Trace(hops, next(ids, "")))
    return traces


def _covers(found: Sequence[_Found], parents: Mapping[int, _Link]) -> dict[int, int]:
    """By each request that the front sends on of a TLS connection: that connection, in which it cannot be read."""
    encrypted = [
        number
        for number, one in enumerate(found)
        if one.exchange.outcome is Outcome.TLS and one.target is not None and not one.target.task
    ]
    covers: dict[int, int] = {}
    for index, one in enumerate(found):
        if not encrypted or index in parents or one.origin is None or one.origin.task or not one.root:
            continue
        began = one.exchange.began
        open_then = [number for number in encrypted if found[number].exchange.began <= began <= _ended(found[number])]
        if open_then:
            covers[index] = open_then[-1]
    return covers


def _walk(index: int, depth: int, children: Mapping[int | None, list[int]], order: list[tuple[int, int]]) -> None:
    order.append((index, depth))
    for child in children.get(index, []):
        _walk(child, depth + 1, children, order)


def _distinct(seen: Iterable[tuple[Place, Exchange]], places: Sequence[Place]) -> list[_Found]:
    """Each exchange once, though the namespaces of both its ends may have seen it. The server's account counts."""
    by_address = {place.address: place for place in reversed(places)}  # the first of an address, which is the newest
    found: dict[Identity, _Found] = {}
    for place, exchange in seen:
        inside = _stays_inside(exchange)
        # An address that a task has left is another task's later: where it was seen says whose it was.
        origin, target = (
            place if inside or host == place.address else by_address.get(host)
            for host in (_host(exchange.client), _host(exchange.server))
        )
        by_server = target is not None and place.container == target.container
        worth = (_worth(exchange), by_server)
        key = identity(place, exchange)
        before = found.get(key)
        if before is not None and before.worth > worth:
            continue
        root = trace_root(exchange.request.headers) if exchange.request else ""
        found[key] = _Found(exchange, origin, target, root, worth)
    return sorted(found.values(), key=lambda one: one.exchange.began)


def _worth(exchange: Exchange) -> int:
    """How much an account of an exchange tells: the whole of it, how it failed, a part, nothing."""
    if exchange.outcome in _WHOLE:
        return 3
    if exchange.ended is not None and exchange.outcome is not Outcome.PARTLY_SEEN:
        return 2
    return 1 if exchange.request else 0


_WHOLE = {Outcome.ANSWERED, Outcome.UPGRADED, Outcome.REFUSED}


def _parents(found: Sequence[_Found]) -> dict[int, _Link]:
    """For each exchange that another one led to: which one, and how that is known."""
    parents: dict[int, _Link] = {}
    used: set[int] = set()
    answering: dict[str, list[int]] = {}
    """What each namespace is answering at the time, by its container."""
    for index, one in enumerate(found):
        if one.origin is not None:
            began = one.exchange.began
            running = answering.get(one.origin.container, [])
            running[:] = [number for number in running if _ended(found[number]) >= began]
            parent = _parent(one, running, found, used)
            if parent is not None:
                parents[index] = parent
                used.add(parent.to)
        if one.target is not None and one.exchange.request is not None:
            answering.setdefault(one.target.container, []).append(index)
    return parents


def _ended(one: _Found) -> float:
    return math.inf if one.exchange.ended is None else one.exchange.ended


def _parent(one: _Found, running: Sequence[int], found: Sequence[_Found], used: Collection[int]) -> _Link | None:
    """The request that its client was answering when it began; of several the one that began last."""
    assert one.origin is not None
    if not one.origin.task and one.exchange.request is not None and not one.root:
        return None  # the front sends nothing on without an id: this is a health check of its own
    same = [number for number in running if one.root and found[number].root == one.root]
    if same:
        return _Link(same[-1], "trace id")
    # Where one of the two has no id they may still belong together; two ids that differ never do, unless the load
    # balancer has put its own in the place of the client's. Nothing asks itself, and an answer comes after those that
    # it was made from.
    free = [
        number
        for number in running
        if (not (one.root and found[number].root) or _replaced_id(found[number], one))
        and found[number].exchange.server != one.exchange.server
    ]
    free = [number for number in free if _ended(found[number]) >= _ended(one)] or free
    if not free:
        return None
    alike = [number for number in free if _same_request(found[number], one)]
    unused = [number for number in alike if number not in used]
    # Of those that ask for the same the one that is around it most tightly, else the one that began last.
    number = min(unused or alike, key=lambda number: _slack(found[number], one), default=free[-1])
    # One that led to another one that fits is no choice besides it.
    fits = {number} | {other for other in unused or alike or free if other not in used}
    return _Link(number, "time", len(fits))


def _replaced_id(one: _Found, onward: _Found) -> bool:
    """Whether the load balancer passed a request on with an id of its own in place of the client's."""
    request = one.exchange.request
    if request is None or one.target is None or one.target.task or not _same_request(one, onward):
        return False
    return head_size(request.headers) > ID_REPLACED_ABOVE


def _slack(around: _Found, inner: _Found) -> float:
    """How much longer a request took than one that it may have led to, as far as both are over: a proxy asks soon, and
    soon answers."""
    before = inner.exchange.began - around.exchange.began
    after = _ended(around) - _ended(inner)
    return before + (after if math.isfinite(after) else 0)


def _same_request(one: _Found, other: _Found) -> bool:
    first, second = one.exchange.request, other.exchange.request
    return first is not None and second is not None and (first.method, first.target) == (second.method, second.target)


def _hop(
    index: int,
    depth: int,
    found: Sequence[_Found],
    parents: Mapping[int, _Link],
    place_of: Mapping[int, int],
    *,
    secrets: bool,
) -> Hop:
    one = found[index]
    exchange = one.exchange
    link = parents.get(index)
    parent = link.to if link is not None else None
    server, container = _server(exchange, one.target)
    client = "client" if one.origin is None else one.origin.name
    request_changes: tuple[Change, ...] = ()
    response_changes: tuple[Change, ...] = ()
    if parent is not None:
        before = found[parent]
        asked = _server(before.exchange, before.target)[1]
        client = asked or client
        if one.origin and exchange.server == f"127.0.0.1:{one.origin.proxied_port}" and asked == container:
            client = SERVICE_CONNECT
        if before.exchange.request and exchange.request:
            request_changes = changes(before.exchange.request.headers, exchange.request.headers, secrets=secrets)
        if before.exchange.response and exchange.response:
            response_changes = changes(exchange.response.headers, before.exchange.response.headers, secrets=secrets)
    sizes = request_head(exchange.request), response_head(exchange.response)
    if not secrets:
        exchange = without_secrets(exchange)
    return Hop(
        client=client,
        server=server,
        service=one.target.name if one.target and one.target.task else "",
        task=one.target.task if one.target else "",
        depth=depth,
        exchange=exchange,
        by=link.by if link is not None else "",
        fits=link.fits if link is not None else 1,
        parent=None if parent is None else place_of[parent],
        request_changes=request_changes,
        response_changes=response_changes,
        place=one.target,
        container=container,
        request_head=sizes[0],
        response_head=sizes[1],
    )


def _server(exchange: Exchange, place: Place | None) -> tuple[str, str]:
    """What to call the server (`nginx:80`), and its container's name, empty where it is unknown."""
    host, port = _host(exchange.server), int(exchange.server.rpartition(":")[2])
    if place is None:
        return exchange.server, ""
    if not place.task:
        return f"{place.name}:{port}", place.name
    if container := place.ports.get(port, ""):
        return f"{container}:{port}", container
    return (f"localhost:{port}" if host.startswith("127.") else f"{place.name}:{port}"), ""


def _host(address: str) -> str:
    return address.rpartition(":")[0]
