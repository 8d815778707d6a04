"""The process in a collector's place: `python3 -S -m emulator.traces.receiver CONTAINER RATE [PORT…]`.

The ports are those of other containers of the task: they are left alone. `check` instead of all that asks the running
receiver whether it is there, as the collector's `/healthcheck` does. It is essential as the collector is, so it goes on
whatever comes; SIGTERM ends it once the agent has what it holds.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from emulator.traces import wire
from emulator.traces.receiver.outbox import Courier, Outbox
from emulator.traces.receiver.serving import Receiver

READY = "/tmp/receiver.ready"
AGENT = "169.254.170.2"
GRACE = 2.0
"""Seconds after SIGTERM in which the last spans may still come and go on to the agent."""


def main(container: str, rate: float, without: frozenset[int]) -> None:
    """Receives until the process is ended."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    outbox = Outbox(container)
    Courier(outbox, (AGENT, wire.PORT)).start()

    def leave(*_: object) -> None:
        threading.Thread(target=_leave, args=(outbox,), daemon=True).start()

    signal.signal(signal.SIGTERM, leave)
    gc.freeze()
    asyncio.run(_serve(Receiver(outbox, rate), without))


def _leave(outbox: Outbox) -> None:
    deadline = time.monotonic() + GRACE
    while not outbox.empty and time.monotonic() < deadline:
        time.sleep(0.02)
    os._exit(0)


async def _serve(receiver: Receiver, without: frozenset[int]) -> None:
    servers = await receiver.start(without)
    Path(READY).touch()
    logging.info("receives traces in the collector's place")
    await asyncio.gather(*(server.serve_forever() for server in servers))


def check() -> int:
    """0 where the receiver of this network namespace answers."""
    with socket.create_connection(("127.0.0.1", 13133), 3) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return 0 if b" 200 " in connection.recv(4096) else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        sys.exit(check())
    main(sys.argv[1], float(sys.argv[2]), frozenset(int(port) for port in sys.argv[3:]))
