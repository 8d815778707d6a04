"""Joins standard input and output to a unix socket: the agent container's end of `docker exec`.

Run as `python3 -S -m emulator.agent.api.bridge SOCKET`; imports next to nothing, since it is started for every request.
"""

import os
import socket
import sys
import threading
import time

CONNECT_TIMEOUT = 60.0
"""Timeout in seconds to connect to the agent's socket: an agent that was just started opens it in under one, but takes
longer on a busy machine."""


def main(path: str, timeout: float = CONNECT_TIMEOUT) -> int:
    deadline = time.monotonic() + timeout
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
            break
        except OSError as error:
            connection.close()
            if time.monotonic() > deadline:
                print(f"{path}: {error}", file=sys.stderr)  # noqa: T201 - the only way to tell the other end
                return 1
            time.sleep(0.02)

    def upload() -> None:
        try:
            while data := os.read(0, 65536):
                connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    threading.Thread(target=upload, daemon=True).start()
    while data := connection.recv(65536):
        view = memoryview(data)
        while view:
            view = view[os.write(1, view) :]
    return 0


if __name__ == "__main__":
    # A thread may still wait for standard input: leave without joining it.
    code = main(sys.argv[1])
    os._exit(code)
