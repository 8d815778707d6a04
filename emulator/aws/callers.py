"""Who may ask on the port that is published on the host: programs of this machine, no page of another site.

A page in a browser can send requests to ports of 127.0.0.1, and with a name of its own that it points there
(DNS rebinding) read the answers. Browsers say so: with `Origin` or `Sec-Fetch-Site`, and the page's name in `Host`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from emulator.aws.asgi import Application, Receive, Scope, Send, headers_of, respond

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_OWN_SITE = ("same-origin", "none")


def with_known_callers(application: Application, names: Sequence[str]) -> Application:
    """The application for callers that are no page of another site; the others get 403 and a line that says why.

    `names` are host names of the endpoint beside the loopback ones; names below any of these (a bucket's) and those of
    AWS count too, and so do addresses: nothing but a name can be pointed elsewhere. What comes over TLS is no browser:
    it trusts an authority that only containers know.
    """
    known = (*_LOOPBACK, *names, "amazonaws.com")

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            return  # nothing here speaks it, and browsers let every page open one
        reason = _refusal(headers_of(scope), known) if scope["type"] == "http" and scope["scheme"] == "http" else None
        if reason is None:
            await application(scope, receive, send)
        else:
            await respond(send, 403, "text/plain; charset=utf-8", f"{reason}\n".encode())

    return answer


def _refusal(headers: Mapping[str, str], known: Sequence[str]) -> str | None:
    host = _without_port(headers.get("host", "")).lower()
    if host and not _is_address(host) and not any(host == name or host.endswith(f".{name}") for name in known):
        return f"the local AWS endpoint does not answer for the host {host}"
    if "origin" in headers or headers.get("sec-fetch-site", "none") not in _OWN_SITE:
        return "the local AWS endpoint does not answer pages in a browser"
    return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
