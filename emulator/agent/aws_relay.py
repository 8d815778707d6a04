"""Leads a port of a task's loopback address to the local AWS endpoint.

`python3 -m emulator.agent.aws_relay PORT HOST SERVICE READY`: it makes the file READY once it listens.

The endpoint has the same URL in every task and on this machine then, so that a queue's URL and a presigned one hold in
both; and an address in it makes SDKs ask for buckets by path, not by host name. The endpoint hears first whose
connection it is, in a request of the relay's own, so that it knows which service makes which call.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from urllib.parse import quote

from emulator.agent.streams import join

ENDPOINT_PORT = 5000
"""Where the endpoint speaks HTTP."""
CALLER = "/copilot-local/caller/"
"""See `emulator.aws.ports`."""
STARTS = 10.0
"""Seconds that a connection waits for an endpoint that is being started again."""
BETWEEN = 0.05
"""Seconds between two attempts."""


async def relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int, service: str = ""
) -> None:
    """Joins a connection with one to the endpoint, until both sides have ended. `service` is the task's; empty: the
    endpoint is told nothing."""
    deadline = time.monotonic() + STARTS
    while True:
        try:
            answers, asks = await asyncio.open_connection(host, port)
            if service:
                await _introduce(answers, asks, service)
            break
        except (OSError, EOFError):
            if time.monotonic() > deadline:
                writer.transport.abort()
                return
            await asyncio.sleep(BETWEEN)
    await join((reader, writer), (answers, asks))


async def _introduce(answers: asyncio.StreamReader, asks: asyncio.StreamWriter, service: str) -> None:
    """Says whose connection it is. Raises OSError or EOFError where the endpoint ends it."""
    asks.write(f"GET {CALLER}{quote(service)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await asks.drain()
    await answers.readuntil(b"\r\n\r\n")  # its answer has no body


async def serve(port: int, host: str, service: str, ready: Path) -> None:
    """Listens on 127.0.0.1 until the process ends; `ready` is there as soon as it does. OSError where something else
    has the port."""
    server = await asyncio.start_server(
        lambda reader, writer: relay(reader, writer, host, ENDPOINT_PORT, service), "127.0.0.1", port, backlog=512
    )
    async with server:
        ready.touch()
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4])))
