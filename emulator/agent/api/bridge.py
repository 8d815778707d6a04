"""Joins standard input and output to a socket: the agent container's end of `docker exec`.

Run as `python3 -S -m emulator.agent.api.bridge ADDRESS`, the path of a unix socket or `tcp:HOST:PORT`. It imports next
to nothing, since it is started for every request.
"""

import os
import socket
import sys
import threading
import time

CONNECT_TIMEOUT = 60.0
"""Timeout in seconds to connect to the agent's socket: an agent that was just started opens it in under one, but takes
longer on a busy machine."""
TCP = "tcp:"
TCP_TIMEOUT = 20.0
"""Timeout in seconds for a TCP connection to a container."""


def main(path: str, timeout: float = CONNECT_TIMEOUT) -> int:
    try:
        connection = _tcp(path) if path.startswith(TCP) else _unix(path, timeout)
    except OSError as error:
        print(f"{path}: {error}", file=sys.stderr)  # noqa: T201 - the only way to tell the other end
        return 1

    def upload() -> None:
        try:
            while data := os.read(0, 65536):
                connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    threading.Thread(target=upload, daemon=True).start()
    while data := _received(connection):
        view = memoryview(data)
        while view:
            view = view[os.write(1, view) :]
    return 0


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


def _tcp(address: str) -> socket.socket:
    """A connection that is refused at once is refused there too. Raises OSError."""
    host, _, port = address.removeprefix(TCP).rpartition(":")
    connection = socket.create_connection((host, int(port)), TCP_TIMEOUT)
    connection.settimeout(None)
    return connection


def _unix(path: str, timeout: float) -> socket.socket:
    """Waits for the socket. Raises OSError."""
    deadline = time.monotonic() + timeout
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
            return connection
        except OSError:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


if __name__ == "__main__":
    # A thread may still wait for standard input: leave without joining it.
    code = main(sys.argv[1])
    os._exit(code)
