"""A log router as the relay sees it, and what its tests send and read."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgpack

from emulator.agent.log_relay.forward import Batch, Splitter
from tests.delivered_records import read_records
from tests.unit.agent.test_drain import SECONDS, TAG, event_time, message


class Until(Protocol):
    """Waits until something holds."""

    def __call__(self, holds: Callable[[], object], seconds: float = ...) -> None: ...


Driver = Callable[[], socket.socket]
StartRouter = Callable[..., "Router"]
HEADER = b"\xc1\x00" + bytes(20)


class Router:
    """Fluent Bit as the relay sees it: takes messages of one line, acknowledges, dies.

    `acknowledges` False: it stores in vain.
    """

    def __init__(self, path: Path, *, acknowledges: bool = True) -> None:
        self.lines: list[str] = []
        self.asked = 0
        """How many acknowledgements were asked for."""
        self._acknowledges = acknowledges
        self._connections: list[socket.socket] = []
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def die(self) -> None:
        for connection in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def close_one(self) -> Callable[[], bool]:
        """Closes the connection that came last; returns what tells whether the relay has seen it."""
        connection = self._connections[-1]
        connection.shutdown(socket.SHUT_WR)

        def seen() -> bool:
            with contextlib.suppress(BlockingIOError):
                return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
            return False

        return seen

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        unpacker = msgpack.Unpacker(max_buffer_size=0)
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                unpacker.feed(data)
                for tag, _, record, options in unpacker:
                    assert tag == TAG
                    self.lines.append(record["log"])
                    if options and "chunk" in options:
                        self.asked += 1
                        if self._acknowledges:
                            connection.sendall(msgpack.packb({"ack": options["chunk"]}))


def numbers(first: int, last: int) -> list[str]:
    return [f"line {number}" for number in range(first, last)]


def send(connection: socket.socket, first: int, last: int) -> None:
    connection.sendall(b"".join(message(f"line {number}", number=number) for number in range(first, last)))


def drained(folder: Path) -> list[str]:
    file = folder / "hello.0123.drained"
    return [str(record.fields["log"]) for record in read_records(file)] if file.exists() else []


def state(process: int, name: str) -> str:
    """An entry of a process's status in Linux."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith(f"{name}:"))


def entry(number: int) -> bytes:
    packed: bytes = msgpack.packb([event_time(SECONDS, number), {"log": f"line {number}"}])
    return packed


def write_chunk(path: Path, entries: list[bytes], *, zeros: int = 0, length: bool = False, of: str = TAG) -> None:
    """A file of Fluent Bit's buffer; `length`: as newer versions have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = b"".join(entries)
    header = bytearray(HEADER)
    if length:
        header[10:14] = len(content).to_bytes(4, "big")
    tag = of.encode()
    path.write_bytes(bytes(header) + len(tag).to_bytes(2, "big") + tag + content + bytes(zeros))


def batch(*numbers: int) -> Batch:
    found = Splitter().feed(b"".join(message(f"line {number}", number=number) for number in numbers))
    assert found is not None
    return found
