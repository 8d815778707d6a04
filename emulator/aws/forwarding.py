"""The driver for `[aws] endpoint = "URL"`: every request goes to another endpoint, and its answer comes back.

The host that a request names stays 127.0.0.1 with the port that tasks know: what the other endpoint gives out by it,
queue URLs and presigned ones, holds in tasks and on the host.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from urllib.parse import quote, urlsplit

import h11

from emulator.aws.asgi import Message, Receive, Scope, Send, headers_of, respond, signed_for
from emulator.aws.driver import Driver
from emulator.aws.ports import UNREACHED

STARTS = 10.0
"""Seconds that a request waits for an endpoint that is being started again."""
BETWEEN = 0.1
"""Seconds between two attempts."""
CONNECTS = 5.0
_CHUNK = 1 << 16
_MOST_HEADERS = 1 << 20
_PORTS = {"http": 80, "https": 443}
_OF_CONNECTION = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"expect"}
)
"""Headers that are about one connection. Source: RFC 9110, 7.6.1, and 10.1.1."""
_OF_SERVER = frozenset({b"date", b"server"})
"""Headers of answers that our own server adds."""
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Other:
    """Another endpoint: what is asked, and what is connected to for it where that is not the URL's host."""

    url: str
    host: str = ""
    socket: str = ""
    """A Unix socket that leads there."""

    async def connect(self) -> Ends:
        """A connection. Raises OSError where there is none within `STARTS` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + STARTS
        while True:
            try:
                async with asyncio.timeout(CONNECTS):
                    return await self._open()
            except (OSError, TimeoutError) as error:
                if loop.time() > deadline:
                    raise OSError(str(error) or "it takes too long") from None
                await asyncio.sleep(BETWEEN)

    async def _open(self) -> Ends:
        parts = urlsplit(self.url)
        name = parts.hostname or ""
        tls = self._tls() if parts.scheme == "https" else None
        server = name if tls is not None else None
        if self.socket:
            return await asyncio.open_unix_connection(self.socket, ssl=tls, server_hostname=server)
        port = parts.port or _PORTS[parts.scheme]
        return await asyncio.open_connection(self.host or name, port, ssl=tls, server_hostname=server)

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.host or self.socket:  # a program of this machine: what it says its name is proves nothing
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def driver(other: Other, region: str) -> Driver:
    """The driver for another endpoint, which keeps what it holds by itself. Where that does not answer, it answers 503,
    which SDKs take for an error of the service, and try again. `region` is that of the services; those that logs are
    sent to are noted beside it."""
    regions = {region}

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            asked, service = signed_for(headers_of(scope))
            if service == "logs":
                regions.add(asked)
            await _forward(other, scope, receive, send)

    return Driver(answer, lambda: None, lambda: sorted(regions))


async def _forward(other: Other, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        reader, writer = await other.connect()
    except OSError as error:
        await _failed(send, f"{other.url} does not answer: {error}")
        return
    began = False

    async def noted(message: Message) -> None:
        nonlocal began
        began = True
        await send(message)

    try:
        await _exchange(scope, receive, noted, reader, writer)
    except (OSError, h11.ProtocolError) as error:
        if began:
            raise
        await _failed(send, f"{other.url} does not answer as HTTP has it: {error}")
    finally:
        writer.close()


async def _failed(send: Send, text: str) -> None:
    """An answer that SDKs of all protocols read: HTML is what a load balancer in front of AWS answers with."""
    await respond(send, UNREACHED, "text/html", f"<html><body>{escape(text)}</body></html>\n".encode())


async def _exchange(
    scope: Scope, receive: Receive, send: Send, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One request and its answer. Ends early where the client goes: a message that it waited for is not taken then."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEADERS)
    _write(writer, connection.send(_request(scope)))
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        if body := message.get("body", b""):
            _write(writer, connection.send(h11.Data(data=body)))
            await writer.drain()
        more = message.get("more_body", False)
    _write(writer, connection.send(h11.EndOfMessage()))
    await writer.drain()
    tasks = [asyncio.create_task(_answer(connection, reader, send)), asyncio.create_task(_gone(receive))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    if isinstance(ended[0], Exception):
        raise ended[0]


async def _answer(connection: h11.Connection, reader: asyncio.StreamReader, send: Send) -> None:
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
        elif isinstance(event, h11.Response):
            headers = _without(event.headers, _OF_CONNECTION | _OF_SERVER)
            await send({"type": "http.response.start", "status": event.status_code, "headers": headers})
        elif isinstance(event, h11.Data):
            await send({"type": "http.response.body", "body": bytes(event.data), "more_body": True})
        elif isinstance(event, h11.EndOfMessage):
            await send({"type": "http.response.body", "body": b""})
            return
        elif isinstance(event, h11.ConnectionClosed):
            raise h11.RemoteProtocolError("the connection was closed")


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _request(scope: Scope) -> h11.Request:
    path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    query: bytes = scope.get("query_string", b"")
    given = [(name.lower(), value) for name, value in scope["headers"]]
    headers = [*_without(given, _OF_CONNECTION), (b"connection", b"close")]
    names = {name for name, _ in given}
    if b"host" not in names:
        headers.append((b"host", b"127.0.0.1"))
    if b"transfer-encoding" in names and b"content-length" not in names:
        headers.append((b"transfer-encoding", b"chunked"))
    target = path + (b"?" + query if query else b"")
    return h11.Request(method=scope["method"], target=target, headers=headers)


def _without(headers: Iterable[tuple[bytes, bytes]], names: frozenset[bytes]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() not in names]


def _write(writer: asyncio.StreamWriter, data: bytes | None) -> None:
    if data:
        writer.write(data)


async def _lifespan(receive: Receive, send: Send) -> None:
    """Nothing is to be done when the server starts and ends."""
    kind = ""
    while kind != "shutdown":
        kind = (await receive())["type"].rpartition(".")[2]
        await send({"type": f"lifespan.{kind}.complete"})
