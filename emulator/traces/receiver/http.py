"""HTTP/1.1 as collectors serve it: OTLP at 4318, X-Ray's API at 2000, health at 13133."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import h11

LARGEST = 20 << 20
"""Bytes of a body, as it comes and inflated."""
_READ = 1 << 16


@dataclass(frozen=True, slots=True)
class Request:
    """Method, path without query, content type, and the body as it was before compression."""

    method: str
    path: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = "application/json"


Handler = Callable[[Request], Awaitable[Answer]]


class TooLarge(Exception):
    """A body that is longer than is taken."""


def inflated(data: bytes, encoding: str, largest: int = LARGEST) -> bytes:
    """A body without its compression. Raises `TooLarge`, and ValueError for one that is not compressed so."""
    if encoding in ("", "identity"):
        return data
    if encoding not in ("gzip", "deflate", "zlib"):
        raise ValueError(f"content-encoding {encoding} is not known")
    reader = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        found = reader.decompress(data, largest + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(found) > largest:
        raise TooLarge
    return found


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handle: Handler) -> None:
    """Answers requests until the connection ends. Raises `h11.ProtocolError` where a client speaks something else."""
    connection = h11.Connection(h11.SERVER)
    while True:
        found = await _request(connection, reader, writer)
        if found is None:
            return
        request, parts = found
        answer = await _answered(request, parts, handle)
        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
        writer.write(connection.send(h11.Response(status_code=answer.status, headers=headers)) or b"")
        writer.write(connection.send(h11.Data(b"" if request.method == b"HEAD" else answer.body)) or b"")
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        await writer.drain()
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            return
        connection.start_next_cycle()


async def _request(
    connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[h11.Request, list[bytes] | None] | None:
    """The next request and the parts of its body, None for a body that is too long; None at the connection's end."""
    request: h11.Request | None = None
    parts: list[bytes] | None = []
    size = 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                writer.write(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            connection.receive_data(await reader.read(_READ))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            size += len(event.data)
            if size > LARGEST:
                parts = None
            elif parts is not None:
                parts.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            return (request, parts) if request is not None else None
        else:
            return None


async def _answered(request: h11.Request, parts: list[bytes] | None, handle: Handler) -> Answer:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
    if parts is None:
        return Answer(413)
    try:
        body = inflated(b"".join(parts), headers.get("content-encoding", "").strip().lower())
    except TooLarge:
        return Answer(413)
    except ValueError:
        return Answer(400)
    path = request.target.decode("latin-1").partition("?")[0]
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return await handle(Request(request.method.decode("latin-1"), path, kind, body))
