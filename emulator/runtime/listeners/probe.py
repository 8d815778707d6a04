"""Asks listeners at their published ports whether they answer. Imports next to nothing: `ps` asks each time."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING

from emulator.runtime.listeners.published import PublishedListener

if TYPE_CHECKING:
    import ssl

TIMEOUT = 3.0
PROBE_HEADER = "X-Copilot-Local-Probe"
"""What `frontdoor.haproxy.request` calls so too: importing it would take longer than asking."""
_REQUEST = f"TRACE / HTTP/1.1\r\nHost: localhost\r\n{PROBE_HEADER}: 1\r\nConnection: close\r\n\r\n".encode()
"""A load balancer never passes TRACE on; this one is not logged either."""


def why_silent(listener: PublishedListener, timeout: float = TIMEOUT) -> str | None:
    """Why a listener for HTTP or HTTPS does not answer at its published port; None where it does.

    Other listeners are not asked: what connects to them reaches the service.
    """
    if listener.service or listener.protocol not in ("HTTP", "HTTPS"):
        return None
    try:
        with socket.create_connection((listener.host_ip, listener.host_port), timeout) as connection:
            if listener.protocol == "HTTPS":
                with _context().wrap_socket(connection, server_hostname="localhost") as secure:
                    return _ask(secure)
            return _ask(connection)
    except ConnectionRefusedError:
        return "nothing listens there"
    except TimeoutError:
        return f"no answer within {timeout:g} s"
    except OSError as error:
        return str(error.strerror or error)


def _ask(connection: socket.socket) -> str | None:
    connection.sendall(_REQUEST)
    return None if connection.recv(9).startswith(b"HTTP/1.") else "the connection was closed without an answer"


def _context() -> ssl.SSLContext:
    import ssl  # takes longer than the rest of this module

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is asked whether it answers, not told anything
    return context


def silent(listeners: Iterable[PublishedListener]) -> dict[int, str]:
    """By host port, why a listener does not answer."""
    return {one.host_port: why for one in listeners if (why := why_silent(one)) is not None}


def publishes_here(host: str) -> bool:
    """Whether the daemon at that address publishes ports on this process's loopback address, as far as is seen."""
    return host.startswith(("unix:", "npipe:")) and not _in_another_network(host)


def _in_another_network(host: str) -> bool:
    """Whether the process behind a unix socket is known to have another network namespace than this one."""
    peer_credentials = getattr(socket, "SO_PEERCRED", None)  # Linux alone
    if peer_credentials is None or not host.startswith("unix://"):
        return False
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect(host.removeprefix("unix://"))
            pid, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, peer_credentials, 12))
        return os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
    except OSError:
        return False
