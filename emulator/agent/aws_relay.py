"""Leads a port of a task's loopback address to the local AWS endpoint: `python3 -m emulator.agent.aws_relay PORT HOST`.

The endpoint has the same URL in every task and on this machine then, so that a queue's URL and a presigned one hold in
both; and an address in it makes SDKs ask for buckets by path, not by host name.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time

ENDPOINT_PORT = 5000
"""Where the endpoint speaks HTTP."""
READ = 1 << 16
STARTS = 10.0
"""Seconds that a connection waits for an endpoint that is being started again."""
BETWEEN = 0.05
"""Seconds between two attempts."""


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    """Joins a connection with one to the endpoint, until both sides have ended."""
    deadline = time.monotonic() + STARTS
    while True:
        try:
            answers, asks = await asyncio.open_connection(host, port)
            break
        except OSError:
            if time.monotonic() > deadline:
                writer.transport.abort()
                return
            await asyncio.sleep(BETWEEN)
    try:
        await asyncio.gather(_copy(reader, asks), _copy(answers, writer))
    finally:
        for end in (asks, writer):
            end.close()
            with contextlib.suppress(OSError):
                await end.wait_closed()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Passes on what comes, and its end. Where either side is gone, so is the other."""
    try:
        while data := await source.read(READ):
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
    except OSError:
        target.transport.abort()


async def serve(port: int, host: str, endpoint_port: int = ENDPOINT_PORT) -> None:
    """Listens on 127.0.0.1 until the process ends. OSError where something else has the port."""
    server = await asyncio.start_server(
        lambda reader, writer: relay(reader, writer, host, endpoint_port), "127.0.0.1", port, backlog=512
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
