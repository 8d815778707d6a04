"""Asks a load balancer at its published port: only that says whether clients reach it.

Docker's proxy for a port may have ended while the container behind it runs and its health checks pass. Starting the
container again makes a new one.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
import time
from collections.abc import Iterable

from emulator.engine.interface import Container, ContainerState, Engine
from emulator.errors import EngineError
from emulator.events import Emit, Event, EventKind
from emulator.frontdoor.haproxy.request import PROBE_HEADER
from emulator.runtime.listeners.front_ports import PublishedListener, listeners_on
from emulator.runtime.state.observed import Observed

TIMEOUT = 3.0
BETWEEN = 5.0
"""Seconds between two questions while a command stays."""
STOP_TIMEOUT = 2
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
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is asked whether it answers, not told anything
    return context


def is_local(engine: Engine) -> bool:
    """Whether the daemon publishes ports on this process's loopback address, as far as that can be seen."""
    host = engine.info().host
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


def silent(listeners: Iterable[PublishedListener]) -> dict[int, str]:
    """By host port, why a listener does not answer."""
    return {one.host_port: why for one in listeners if (why := why_silent(one)) is not None}


def restart_silent_fronts(engine: Engine, observed: Observed) -> list[str]:
    """Restarts load balancers that run and do not answer at a published port, where it is one of this machine. Returns
    a sentence for each port."""
    told: list[str] = []
    if not observed.fronts or not is_local(engine):
        return told
    for front in observed.fronts:
        problems = _problems(front) if front.state is ContainerState.RUNNING else {}
        if not problems:
            continue
        for port, why in problems.items():
            told.append(f"it did not answer at 127.0.0.1:{port} ({why}); it was restarted")
        try:
            engine.stop(front.name, STOP_TIMEOUT)
            engine.start(front.name)
        except EngineError as error:
            told.append(f"{front.name} could not be restarted: {error}")
    return told


class FrontWatch:
    """Restarts silent load balancers while a command stays with an environment; `emit` hears of it."""

    def __init__(self, engine: Engine, emit: Emit) -> None:
        self._engine = engine
        self._emit = emit
        self._next = time.monotonic() + BETWEEN

    def look(self, observed: Observed) -> None:
        """To be called often: it asks every few seconds."""
        if time.monotonic() < self._next:
            return
        restart_and_tell(self._engine, observed, self._emit)
        self._next = time.monotonic() + BETWEEN


def restart_and_tell(engine: Engine, observed: Observed, emit: Emit) -> None:
    """As `restart_silent_fronts`, with a warning for each sentence."""
    for sentence in restart_silent_fronts(engine, observed):
        emit(Event(EventKind.WARNING, "load balancer", sentence))


def _problems(front: Container) -> dict[int, str]:
    """Twice, since one look may come in the moment in which it starts."""
    found = silent(listeners_on(front))
    return silent(one for one in listeners_on(front) if one.host_port in found) if found else {}
