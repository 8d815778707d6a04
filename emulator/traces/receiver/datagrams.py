"""X-Ray's datagrams, read in a thread of its own: what is not read at once, the kernel throws away."""

from __future__ import annotations

import contextlib
import socket
import threading

from emulator.traces.receiver.outbox import Outbox

BUFFER = 8 << 20
"""Bytes that the kernel is asked to hold; it gives as much as it allows."""
LONGEST = 65_535


class Datagrams:
    """Listens on a port, of every address of the task. Raises OSError where that is taken."""

    def __init__(self, port: int, outbox: Outbox) -> None:
        self._outbox = outbox
        self._closed = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind(("0.0.0.0", port))
        except OSError:
            self._socket.close()
            raise
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._thread = threading.Thread(target=self._take, daemon=True, name="datagrams")
        self._thread.start()

    def _take(self) -> None:
        while True:
            data = self._socket.recv(LONGEST)
            if self._closed:
                return
            self._outbox.add("xray", data)  # an empty one too: it is counted as malformed

    def close(self) -> None:
        """Takes none any more."""
        self._closed = True
        with contextlib.suppress(OSError):  # it says that there is no connection, and wakes up the thread
            self._socket.shutdown(socket.SHUT_RD)
        self._thread.join()
        self._socket.close()
