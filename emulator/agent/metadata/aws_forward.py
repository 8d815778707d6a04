"""Passes connections to 169.254.170.2:443 on to the local AWS endpoint, as they are: TLS ends there.

A log router whose network is closed reaches one address only, and must not ask a name server for another.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading

from emulator.agent.metadata.link_local import open_listener
from emulator.runtime.listeners.accepted import accepted
from emulator.runtime.specs.egress import AWS_NAME

log = logging.getLogger(__name__)

PORT = 443
_CHUNK = 65536
_TIMEOUT = 10.0
"""Seconds to connect to the endpoint."""


def start_forwarding() -> None:
    """Listens, in a thread of its own; a warning where the kernel refuses. The address must be had already."""
    try:
        listener = open_listener(port=PORT)
    except OSError as error:
        log.warning("log routers cannot reach the local AWS endpoint: %s", error)
        return
    threading.Thread(target=serve, args=(listener, (AWS_NAME, PORT)), daemon=True, name="aws forward").start()


def serve(listener: socket.socket, target: tuple[str, int]) -> None:
    """Joins each connection that comes to one to the target, until the listener is closed."""
    for client in accepted(listener):
        try:
            threading.Thread(target=_join, args=(client, target), daemon=True).start()
        except RuntimeError as error:  # the system has no more threads
            log.warning("a log router's connection to the local AWS endpoint is closed: %s", error)
            client.close()  # the plugin tries again


def _join(client: socket.socket, target: tuple[str, int]) -> None:
    with client:
        try:
            server = socket.create_connection(target, timeout=_TIMEOUT)
        except OSError:
            return  # the plugin tries again
        with server:
            server.settimeout(None)
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Copies until the source ends, then ends the target's other direction."""
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
