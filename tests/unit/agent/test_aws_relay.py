"""The relay of a task to the local AWS endpoint, over real sockets."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from emulator.agent import aws_relay

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
BIG = 1 << 20


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers what came, once it has ended."""
    writer.write(await reader.read())
    await writer.drain()
    writer.close()


@asynccontextmanager
async def listening(handler: Handler, port: int = 0) -> AsyncIterator[int]:
    server = await asyncio.start_server(handler, "127.0.0.1", port)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def relayed(endpoint: int) -> AsyncIterator[int]:
    """The port of a relay to that endpoint."""
    async with listening(lambda reader, writer: aws_relay.relay(reader, writer, "127.0.0.1", endpoint)) as port:
        yield port


async def asked(port: int, content: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def within(seconds: float, work: Awaitable[object]) -> None:
    async def run() -> None:
        await asyncio.wait_for(work, seconds)

    asyncio.run(run())


def test_what_is_asked_and_answered_comes_whole() -> None:
    async def work() -> None:
        content = bytes(range(256)) * (BIG // 256)
        async with listening(echo) as endpoint, relayed(endpoint) as port:
            answers = await asyncio.gather(*(asked(port, content) for _ in range(20)))
        assert answers == [content] * 20

    within(60, work())


def test_a_request_waits_for_an_endpoint_that_is_being_started() -> None:
    async def work() -> None:
        async with listening(echo) as endpoint:
            pass  # nothing listens there any more
        async with relayed(endpoint) as port:
            waiting = asyncio.create_task(asked(port, b"later"))
            await asyncio.sleep(0)
            async with listening(echo, endpoint):
                assert await waiting == b"later"

    within(60, work())


def test_without_one_the_connection_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_relay, "STARTS", 0.0)

    async def work() -> None:
        async with listening(echo) as endpoint:
            pass
        async with relayed(endpoint) as port:
            assert await asked(port, b"never") == b""

    within(60, work())


def test_a_client_that_goes_ends_the_connection_to_the_endpoint() -> None:
    async def work() -> None:
        gone = asyncio.Event()

        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            gone.set()
            writer.close()

        async with listening(hold) as endpoint, relayed(endpoint) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"a long poll")
            await writer.drain()
            writer.transport.abort()
            await gone.wait()

    within(60, work())


def test_the_endpoint_hears_whose_connection_it_is_before_anything_else() -> None:
    heard: list[bytes] = []

    async def endpoint(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await echo(reader, writer)

    async def work() -> None:
        async with (
            listening(endpoint) as there,
            listening(lambda reader, writer: aws_relay.relay(reader, writer, "127.0.0.1", there, "api")) as port,
        ):
            assert await asked(port, b"request") == b"request"
        assert heard == [b"GET /copilot-local/caller/api HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"]

    within(60, work())


def test_a_connection_that_has_ended_on_one_side_outlives_the_collection_of_garbage() -> None:
    """The loop holds its tasks weakly, and this one's connection waits for nothing that the loop holds."""

    async def work() -> None:
        asked_for, collected = asyncio.Event(), asyncio.Event()

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            content = await reader.read()
            asked_for.set()
            await collected.wait()
            writer.write(content)
            writer.close()

        async with listening(slow) as endpoint, relayed(endpoint) as port:
            waiting = asyncio.create_task(asked(port, b"hello"))
            await asked_for.wait()
            gc.collect()
            collected.set()
            assert await waiting == b"hello"

    within(60, work())
