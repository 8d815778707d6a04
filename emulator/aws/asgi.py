"""What the layers around the endpoint's application share: ASGI's shapes, and a few ways to use them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

_BUCKET = re.compile(r"(.+)\.s3[.-](?:[^/]+\.)?amazonaws\.com(?:\.cn)?(?::\d+)?", re.IGNORECASE)

_SIGNED = re.compile(r"Credential=[^/,]+/\d+/([^/,]+)/([^/,]+)/aws4_request")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers of a request, by their names in lower case; of one that comes twice, the last."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def signed_for(headers: Mapping[str, str]) -> tuple[str, str]:
    """The region and the service that a request is signed for; empty where it is not signed."""
    found = _SIGNED.search(headers.get("authorization", ""))
    return (found[1], found[2]) if found else ("", "")


def is_aws_name(host: str) -> bool:
    """Whether a host name is one of AWS's own."""
    return host.lower().endswith((".amazonaws.com", ".amazonaws.com.cn"))


def path_of(scope: Scope) -> str:
    """The path of a request, with the bucket in it also where a host name of AWS says the bucket."""
    path: str = scope["path"]
    bucket = _BUCKET.match(headers_of(scope).get("host", ""))
    return f"/{bucket[1]}{path}" if bucket else path


async def respond(send: Send, status: int, content_type: str, body: bytes) -> None:
    """Answers a request."""
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def body_of(receive: Receive, most: int) -> tuple[bytes | None, Receive]:
    """The body of a request, None where it is longer than `most` bytes or the client has gone; and a `receive` that
    gives the application all of it again."""
    read: list[Message] = []
    size = 0
    while True:
        message = await receive()
        read.append(message)
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or size > most:
            whole = None
            break
        if not message.get("more_body", False):
            whole = b"".join(part.get("body", b"") for part in read)
            break

    async def again() -> Message:
        return read.pop(0) if read else await receive()

    return whole, again
