"""Redirects that do not lead where they are meant to: loops behind a load balancer that ends TLS, lost ports, addresses
inside a task. Pure.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult

from emulator.trace.diagnosis import nginx
from emulator.trace.diagnosis.variables import variables_in
from emulator.trace.diagnosis.view import Diagnosis, View, host_and_port, location_of, name_of, split, text
from emulator.trace.requests.hops import Hop

_PROTO = "X-Forwarded-Proto"
_SCHEMES = {"http": 80, "https": 443}
_NO_HOST = re.compile(r"(?:_*|[*.~].*)(?::\d*)?")
"""What nginx's `$server_name` may be beside a name: nothing, `_`, a mask, an expression."""


def redirected(view: View, number: int, hop: Hop) -> Diagnosis | None:
    """What is wrong with the redirect that a hop's server answered by itself."""
    location = location_of(hop)
    if not location or any(location_of(after) for after in view.after(number)):
        return None
    # What the client gets may have been rewritten on the way back.
    location = location_of(view.asked) or location
    to = split(location)
    if to is None:
        return _no_url(number, hop, location)
    if (to.scheme in _SCHEMES or location.startswith("//")) and _NO_HOST.fullmatch(to.netloc):
        return _no_host(view, number, hop, location, to)
    return _loop(view, number, hop, location, to) or _elsewhere(view, number, hop, location, to)


def _no_url(number: int, hop: Hop, location: str) -> Diagnosis:
    return Diagnosis(
        f"{name_of(hop)} answers {hop.status} with Location {location}, which is no URL: no client can follow it",
        "an address of IPv6 stands in brackets: `http://[::1]/`",
        number,
    )


def _no_host(view: View, number: int, hop: Hop, location: str, to: SplitResult) -> Diagnosis:
    """It leads to what no client can look up: mostly a `$server_name` of nginx that stands for no name."""
    directive = _redirecting(view, hop)
    named = directive is not None and "server_name" in variables_in(" ".join(directive.arguments))
    what = f"which names {to.netloc} as its host" if to.netloc else "which names no host"
    return Diagnosis(
        f"{name_of(hop)} answers {hop.status} with Location {location}, {what}: no client can follow it",
        "`$server_name` is what the server block is called first: write `$host`, which is what the client asked for"
        if named
        else "let it redirect to a path alone, or to the request's Host",
        number,
        directive.position if directive else None,
    )


def _loop(view: View, number: int, hop: Hop, location: str, to: SplitResult) -> Diagnosis | None:
    """The client is sent to where it comes from, or to where it will be sent again."""
    target = (to.path or "/") + (f"?{to.query}" if to.query else "")
    scheme, (host, port) = to.scheme or view.scheme, host_and_port(location)
    asked_host, asked_port = host_and_port(f"//{view.asked.host}")
    if target != view.asked.path or host not in ("", asked_host) or port not in (None, asked_port):
        return None
    if scheme == "http":
        return _again(number, hop, location) if view.scheme == "http" else None
    directive = _redirecting(view, hop)
    if view.scheme != "https" and not _always(view, hop, directive):
        return None  # a redirect from HTTP to HTTPS, as it should be
    name = name_of(hop)
    seen = hop.sent(_PROTO)
    what = f"redirect loop: {name} answers {hop.status} with Location {location}"
    if view.scheme == "https":
        what += ", which is what the client asked for"
    else:
        what += " whatever the client asks with"
    why = "TLS ends at the load balancer, so every request comes as plain HTTP"
    lost = _lost_proto(view, hop)
    position = directive.position if directive else None
    if lost is not None and view.scheme == "https":
        return Diagnosis(f"{what}; {lost.message}", lost.hint, number, lost.position or position)
    if directive is not None:
        hint = f"redirect only what came over HTTP: `if ($http_x_forwarded_proto = http) {{ {text(directive)} }}`"
    else:
        hint = f"let {name} trust {_PROTO}, which says {seen or 'nothing'}"
    said = f", and {_PROTO} ({seen}) is not looked at" if seen else f", and no {_PROTO} says how the client asked"
    return Diagnosis(f"{what}; {why}{said}", hint, number, position)


def _again(number: int, hop: Hop, location: str) -> Diagnosis:
    return Diagnosis(
        f"redirect loop: {name_of(hop)} answers {hop.status} with Location {location}, which is what the client asked"
        " for",
        f"`copilot-local logs -c {hop.container}` has what it said" if hop.container else "",
        number,
        certain=False,  # with a cookie of the answer the next request may be another one
    )


def _redirecting(view: View, hop: Hop) -> nginx.Directive | None:
    """The directive that answered so; None where there are several that may have."""
    if view.unseen(hop):
        return None
    return view.ending(hop, lambda way: way.redirects and way.status == hop.status)


def _always(view: View, hop: Hop, directive: nginx.Directive | None) -> bool:
    """Whether nginx certainly redirects the same request over HTTPS as well, which it sees as plain HTTP."""
    chosen = view.server_block(hop)
    if directive is None or chosen is None:
        return False
    ways = view.ways_through(chosen.server, hop, https=True)
    return all(way.end is directive for way in ways if not way.on_error)


def _elsewhere(view: View, number: int, hop: Hop, location: str, to: SplitResult) -> Diagnosis | None:
    """The redirect leads to an address inside the task, or forgets the port or the scheme that the client used."""
    host, port = host_and_port(location)
    asked_host, asked_port = host_and_port(f"//{view.asked.host}")
    if to.scheme not in _SCHEMES or not host:
        return None
    name = name_of(hop)
    ports = hop.place.ports if hop.place else {}
    if (host, port) != (asked_host, asked_port) and port in ports and host in ("localhost", "127.0.0.1", asked_host):
        return Diagnosis(
            f"{name} redirects to {location}: port {port} is inside the task, where no client comes",
            "let it redirect to a path alone, or pass the Host on"
            + view.in_nginx(view.before(hop), "proxy_set_header Host $http_host;"),
            number,
        )
    if host != asked_host:
        return None
    ssl_lost = view.scheme == "https" and to.scheme == "http"
    port_lost = (port or _SCHEMES[to.scheme]) != (asked_port or _SCHEMES[view.scheme]) and to.scheme == view.scheme
    if not (ssl_lost or port_lost):
        return None
    what = "from HTTPS to HTTP" if ssl_lost else f"without the port {asked_port}"
    own = bool(view.configuration(hop))
    return Diagnosis(
        f"{name} redirects to {location}: {what}, since it knows nothing of the load balancer before it",
        "`absolute_redirect off;` lets nginx redirect to the path alone"
        if own
        else f"let it redirect to the path alone, or trust {_PROTO} and the Host",
        number,
        certain=ssl_lost,
    )


def _lost_proto(view: View, hop: Hop) -> Diagnosis | None:
    """The hop on the way at which X-Forwarded-Proto stopped saying `https`."""
    here: Hop | None = hop
    while here is not None:
        before = view.before(here)
        if before is not None and (found := forwarded_proto(view, view.hops.index(here), here)) is not None:
            return found
        here = before
    return None


def forwarded_proto(view: View, number: int, hop: Hop) -> Diagnosis | None:
    """A proxy told the next container another scheme than the load balancer had told it."""
    before = view.before(hop)
    if before is None:
        return None
    told, passed = before.sent(_PROTO), hop.sent(_PROTO)
    if not told or told == (passed or "http") or not before.task or not view.passed_on(hop):
        return None
    settings = view.effective(before, "proxy_set_header")
    setting = next((one for one in settings if "".join(one.arguments[:1]).lower() == _PROTO.lower()), None)
    what = f"put {_PROTO}: {passed} in place of {told}" if passed else f"left out {_PROTO}: {told}"
    return Diagnosis(
        f"{hop.client} {what}, so {name_of(hop)} takes the client's request for {passed or 'plain HTTP'}",
        "pass on what the load balancer says"
        + view.in_nginx(before, f"proxy_set_header {_PROTO} $http_x_forwarded_proto;")
        + (f", not `{text(setting)}`" if setting else ""),
        number,
        setting.position if setting else None,
        certain=False,
    )
