"""What may reach the console: requests of its own page, with its token. Everything else is refused before it is read.

Loopback alone protects little: a page of any web site can send requests to 127.0.0.1, and a name that an attacker owns
can point there (DNS rebinding). So `Host`, `Origin` and `Sec-Fetch-Site` are checked for every request, and below
`/api/` the token. There is no cookie: cookies know no ports, and the environment's own services would be sent it.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, MutableMapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

MOST_BODY: Final = 1 << 20
"""Bytes of a request's body."""
API: Final = "/api/"
OPEN: Final = "/api/open"
"""Where a code that is good once becomes the token: the only request below `/api/` without it."""
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer."""
Refusal = tuple[HTTPStatus, str]


def names_of(port: int) -> frozenset[str]:
    """What the page's address may call this machine."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))


class Guard:
    """Lets requests of the console's own page pass to the application within."""

    def __init__(self, app: ASGIApp, token: str, names: Iterable[str]) -> None:
        """`names`: what `Host` may be, with the port."""
        self._app = app
        self._token = f"Bearer {token}".encode()
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # uvicorn answers 403 to a WebSocket that is not accepted

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *own]
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(send_with_headers, *refusal)
        elif scope["method"] == "POST":
            body = await _body(receive)
            if body is None:
                await _refuse(send_with_headers, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a body has at most 1 MiB")
                return
            await self._app(scope, _replay(body, receive), send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Refusal | None:
        """Why a request is refused, by its head; None where it is not."""
        headers: dict[str, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value)
        hosts = [value.decode("latin-1") for value in headers.get("host", ())]
        if len(hosts) != 1 or hosts[0].lower() not in self._names:
            return HTTPStatus.MISDIRECTED_REQUEST, "this is another host's name"
        for origin in headers.get("origin", ()):
            if origin.decode("latin-1").lower().removeprefix("http://") not in self._names:
                return HTTPStatus.FORBIDDEN, "a page of another site may not ask"
        for site in headers.get("sec-fetch-site", ()):
            if site not in (b"same-origin", b"none"):
                return HTTPStatus.FORBIDDEN, "a page of another site may not ask"
        if not scope["path"].startswith(API):
            return None
        given = headers.get("authorization", ())
        if scope["path"] != OPEN and (len(given) != 1 or not hmac.compare_digest(given[0], self._token)):
            return HTTPStatus.UNAUTHORIZED, "the token is missing or another console's: open the address it printed"
        if scope["method"] == "POST":
            kinds = headers.get("content-type", ())
            if len(kinds) != 1 or kinds[0].partition(b";")[0].strip().lower() != b"application/json":
                return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a body is application/json"
            length = headers.get("content-length", [b"0"])[0]
            if not length.isdigit() or int(length) > MOST_BODY:
                return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a body has at most 1 MiB"
        return None


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None where it is too long, whatever its head says."""
    parts, size = [], 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BODY:
            return None
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A body that was read, once more; then what comes."""
    told = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(send: Send, status: HTTPStatus, why: str) -> None:
    content = json.dumps({"error": {"message": why, "hint": ""}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": content})
