"""Asks an ASGI application one request, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

from emulator.aws.asgi import Application, Message, Receive, Scope, Send, body_of, respond


@dataclass(frozen=True)
class Answer:
    """What was answered; `status` 0 where nothing was."""

    status: int
    headers: dict[str, str]
    body: bytes


def ask(
    application: Application,
    path: str = "/",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    method: str = "POST",
    scheme: str = "http",
    type: str = "http",
    query: bytes = b"",
    client: tuple[str, int] | None = None,
) -> Answer:
    """The answer to a request whose body comes in two parts."""
    pairs = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope: Scope = {"type": type, "method": method, "path": path, "scheme": scheme, "headers": pairs}
    scope.update({"query_string": query, "client": client})
    half = len(body) // 2
    parts: list[Message] = [
        {"type": "http.request", "body": body[:half], "more_body": True},
        {"type": "http.request", "body": body[half:], "more_body": False},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        if not parts:
            await asyncio.Event().wait()  # the client stays until it has its answer
        return parts.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(_within(application(scope, receive, send)))
    silence: Message = {"status": 0, "headers": []}
    start = next((one for one in sent if one["type"] == "http.response.start"), silence)
    found = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], found, b"".join(one.get("body", b"") for one in sent))


async def _within(answer: Awaitable[None]) -> None:
    await asyncio.wait_for(answer, 20)


def answering(text: str) -> Application:
    """An application that reads each request's body to its end and answers with that text."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await body_of(receive, 1 << 20)
        await respond(send, 200, "text/plain", text.encode())

    return application
