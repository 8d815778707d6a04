"""Requests that a server refuses for their size, or for the protocol that they come in. Pure."""

from __future__ import annotations

from emulator.trace.diagnosis.servers import speaks_tls
from emulator.trace.diagnosis.view import Diagnosis, View, name_of, port_of, text
from emulator.trace.requests.hops import Hop

_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}
_NGINX_BODY = "1m"
_NGINX_LINE = "8k"
_MUCH = 4096
"""Bytes of headers from which a 400 may be about them: the least that common servers take."""
_HEADS = (400, 414, 431, 494)


def refused(view: View, number: int, hop: Hop) -> Diagnosis | None:
    """Why a server answered by itself that it does not take a request."""
    request = hop.exchange.request
    if hop.status is None or request is None or view.after(number) or not hop.task:
        return None
    if hop.status == 413:
        return _body(view, number, hop)
    if hop.status in _HEADS:
        return _tls(view, number, hop) or _head(view, number, hop)
    return None


def _body(view: View, number: int, hop: Hop) -> Diagnosis:
    request = hop.exchange.request
    assert request is not None
    length = next((value for name, value in request.headers if name.lower() == "content-length"), "")
    size = f"{length or request.body} bytes"
    early = " before it had read the body" if hop.exchange.note else ""
    what = f"{name_of(hop)} answered 413 itself{early}: the body has {size}"
    limits = view.effective_first(hop, "client_max_body_size")
    if limits is None:
        return Diagnosis(f"{what}, more than it takes", f"raise the limit of {name_of(hop)}", number)
    directive = next(iter(limits), None)
    limit = directive.arguments[0] if directive and directive.arguments else f"nginx's default of {_NGINX_BODY}"
    chosen = view.server_block(hop)
    position = directive.position if directive else chosen.server.position if chosen else None
    wanted = -(-int(length) // _UNITS["m"]) if length.isdecimal() else 0
    hint = f"write `client_max_body_size {wanted or 100}m;`" + (f", not `{text(directive)}`" if directive else "")
    return Diagnosis(f"{what}, and the limit is {limit}", hint, number, position)


def _head(view: View, number: int, hop: Hop) -> Diagnosis | None:
    head = hop.request_head
    assert head is not None
    size, name, longest = head.bytes, head.largest, head.largest_bytes
    if size < _MUCH and len(hop.path) < _MUCH:
        return None
    what = f"the header {name} has {longest} bytes" if longest >= len(hop.path) else f"the path has {len(hop.path)}"
    if not view.ways(hop):
        return Diagnosis(
            f"{name_of(hop)} answered {hop.status} itself; the headers have {size} bytes, {what}",
            f"is that more than {name_of(hop)} takes?",
            number,
            certain=False,
        )
    directive = next(iter(view.effective(hop, "large_client_header_buffers")), None)
    limit = directive.arguments[1] if directive and len(directive.arguments) > 1 else _NGINX_LINE
    if max(longest, len(hop.path)) < bytes_of(limit):
        return None
    kilobytes = -(-max(longest, len(hop.path)) // 1024) + 1
    chosen = view.server_block(hop)
    return Diagnosis(
        f"{name_of(hop)} answered {hop.status} itself: {what}, and its buffers have {limit}",
        f"write `large_client_header_buffers 4 {kilobytes}k;` in the server block"
        + (f", not `{text(directive)}`" if directive else ""),
        number,
        directive.position if directive else chosen.server.position if chosen else None,
    )


def _tls(view: View, number: int, hop: Hop) -> Diagnosis | None:
    chosen = view.server_block(hop)
    listen = speaks_tls(chosen.server, port_of(hop)) if chosen else None
    if listen is None:
        return None
    return Diagnosis(
        f"{name_of(hop)} answered {hop.status} itself: it takes TLS alone on {port_of(hop)}, and {hop.client} asks in"
        " plain HTTP",
        f"TLS ends at the load balancer: `listen {port_of(hop)};`, not `{text(listen)}`",
        number,
        listen.position,
    )


def bytes_of(size: str) -> int:
    """nginx's sizes: `8k`, `1m`; 0 for what is none."""
    number, unit = (size[:-1], size[-1:].lower()) if size[-1:].lower() in _UNITS else (size, "")
    return int(number) * _UNITS.get(unit, 1) if number.isdecimal() else 0
