"""A WebSocket's handshake that a proxy passed on as a plain request. Pure.

Source: RFC 6455, section 4.1, and nginx's "WebSocket proxying": `Upgrade` and `Connection` hold from hop to hop, so
nginx passes them on only where it is told to, and by itself asks in HTTP/1.0.
"""

from __future__ import annotations

from emulator.trace.diagnosis.view import Diagnosis, View, name_of
from emulator.trace.requests.exchange import Outcome, Request
from emulator.trace.requests.hops import Hop, header

_PLAIN = (400, 426)
"""What a server of WebSockets answers to a request that is none."""


def lost_upgrade(view: View, number: int, hop: Hop) -> Diagnosis | None:
    """A proxy was asked to open a WebSocket, and asked its own server for something else."""
    before, request = view.before(hop), hop.exchange.request
    if (
        before is None
        or before.exchange.request is None
        or request is None
        or hop.exchange.outcome is not Outcome.ANSWERED
    ):
        return None
    if _missing(before.exchange.request) or not view.passed_on(hop) or not (missing := _missing(request)):
        return None
    directive = view.proxy_pass(hop)
    told = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
    return Diagnosis(
        f"{hop.client} was asked to open a WebSocket and passed that on {missing}: {name_of(hop)} took it for a plain"
        f" request and answered {hop.status}",
        f"pass the handshake on{view.in_nginx(before, told)}",
        number,
        directive.position if directive else None,
        certain=hop.status in _PLAIN,  # another status may be about something else
    )


def is_keyless(hop: Hop) -> bool:
    """Whether a request is to open a WebSocket and lacks the key that this takes."""
    headers = hop.exchange.request.headers if hop.exchange.request is not None else ()
    return header(headers, "upgrade").lower() == "websocket" and not header(headers, "sec-websocket-key")


def _missing(request: Request) -> str:
    """What a request lacks to open a WebSocket; empty where it lacks nothing."""
    if header(request.headers, "upgrade").lower() != "websocket":
        return "without its header Upgrade"
    if "upgrade" not in header(request.headers, "connection").lower():
        return "without `Connection: upgrade`"
    return "" if request.version == "1.1" else f"in HTTP/{request.version}"
