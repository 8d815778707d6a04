"""X-Ray's datagrams, read in a thread of its own: what is not read at once, the kernel throws away."""

from __future__ import annotations

import socket
import threading

from emulator.traces.receiver.outbox import Outbox

BUFFER = 8 << 20
LONGEST = 65_535
_SO_RCVBUFFORCE = 33


def listen(port: int) -> socket.socket:
    """A socket for datagrams to that port, of every address of the task. Raises OSError."""
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.bind(("0.0.0.0", port))
    for option in (_SO_RCVBUFFORCE, socket.SO_RCVBUF):
        try:
            found.setsockopt(socket.SOL_SOCKET, option, BUFFER)
            break
        except PermissionError:
            continue  # the usual option takes what the kernel allows
    return found


def start(listener: socket.socket, outbox: Outbox) -> None:
    """Takes datagrams from now on."""

    def take() -> None:
        while True:
            outbox.add("xray", listener.recv(LONGEST))

    threading.Thread(target=take, daemon=True, name="datagrams").start()
