"""An environment as captures see it: a front, and tasks with nginx and a main container; exchanges made in a line."""

from __future__ import annotations

from emulator.trace.requests.exchange import Exchange, Outcome, Request, Response
from emulator.trace.requests.hops import Place

FRONT = Place("cl-front", "front", "172.30.0.2")
HELLO = Place(
    "cl-hello-pause",
    "hello",
    "172.30.0.3",
    task="aaaaaaaa",
    ports={80: "nginx", 3000: "hello"},
    members={"nginx": "cl-hello-nginx", "hello": "cl-hello-hello"},
)
OTHER = Place(
    "cl-other-pause",
    "other",
    "172.30.0.4",
    task="bbbbbbbb",
    ports={8000: "app"},
    members={"app": "cl-other-app"},
)
PLACES = [FRONT, HELLO, OTHER]
OUTSIDE = "172.30.0.1"
_ports = iter(range(40_000, 60_000))


def exchange(
    client: str,
    server: str,
    began: float,
    ended: float | None,
    path: str = "/api/x",
    *,
    status: int | None = 200,
    trace: str = "",
    host: str = "shop.test",
    headers: tuple[tuple[str, str], ...] = (),
    answer: tuple[tuple[str, str], ...] = (),
    outcome: Outcome = Outcome.ANSWERED,
    listening: tuple[str, ...] = (),
    note: str = "",
) -> Exchange:
    """A GET; `client` is an address, `server` one with a port. Refused connections have no request."""
    own = (("Host", host), *((("X-Amzn-Trace-Id", f"Root={trace}"),) if trace else ()), *headers)
    spoke = outcome not in (Outcome.REFUSED, Outcome.UNREACHABLE, Outcome.TLS)
    return Exchange(
        client=f"{client}:{next(_ports)}",
        server=server,
        sequence=1,
        outcome=outcome,
        began=began,
        answered=ended,
        ended=ended,
        request=Request("GET", path, "1.1", own) if spoke else None,
        response=Response(status, "", "1.1", answer) if spoke and status is not None else None,
        note=note,
        listening=listening,
    )


def chain(
    root: str, began: float, paths: tuple[str, str, str] = ("/api/x",) * 3, status: int = 200, host: str = "shop.test"
) -> list[tuple[Place, Exchange]]:
    """A request through the front and nginx to the main container, as the captures of both namespaces see it."""
    first = exchange(OUTSIDE, "172.30.0.2:8080", began, began + 0.9, paths[0], status=status, trace=root)
    second = exchange("172.30.0.2", "172.30.0.3:80", began + 0.1, began + 0.8, paths[1], status=status, trace=root)
    third = exchange(
        "127.0.0.1", "127.0.0.1:3000", began + 0.2, began + 0.7, paths[2], status=status, trace=root, host=host
    )
    return [(HELLO, third), (HELLO, second), (FRONT, second), (FRONT, first)]
