"""Connections to the Docker daemon: HTTP over a unix socket, TCP, TLS or a Windows pipe.

The standard library's client does it. The SDK's stands on `requests`, which takes longer to import than a command takes
to say all it has to say to the daemon.
"""

from __future__ import annotations

import http.client
import select
import socket
import ssl
from urllib.parse import urlsplit

from emulator.engine.docker.endpoint import Endpoint, Tls
from emulator.errors import EngineUnavailable

PLAIN_PORT, TLS_PORT = 2375, 2376
"""Docker's ports, where an address names none."""


class NotReached(OSError):
    """Nobody took the connection within the time for it."""


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self.timeout)
            connection.connect(self._path)
        except BaseException:
            connection.close()
            raise
        self.sock = connection


class PipeConnection(http.client.HTTPConnection):
    """HTTP over a named pipe of Windows, which the SDK knows how to open."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        from docker.transport.npipesocket import NpipeSocket

        connection = NpipeSocket()
        connection.settimeout(self.timeout)
        connection.connect(self._path)
        self.sock = connection


def connected(endpoint: Endpoint, timeout: float) -> http.client.HTTPConnection:
    """A new connection; `timeout` in seconds. Raises `NotReached` and other OSErrors, `EngineUnavailable` for an
    address that is none."""
    scheme, _, rest = endpoint.host.partition("://")
    connection: http.client.HTTPConnection
    if scheme == "unix":
        connection = UnixConnection(rest, timeout)
    elif scheme == "npipe":
        connection = PipeConnection(rest, timeout)
    else:
        host, port = _host_and_port(endpoint, scheme)
        if endpoint.tls is None and scheme != "https":
            connection = http.client.HTTPConnection(host, port or PLAIN_PORT, timeout=timeout)
        else:
            context = _context(endpoint.tls or Tls())
            connection = http.client.HTTPSConnection(host, port or TLS_PORT, timeout=timeout, context=context)
    try:
        connection.connect()
    except TimeoutError as error:
        raise NotReached(str(error)) from error
    return connection


def is_usable(connection: http.client.HTTPConnection) -> bool:
    """Whether a connection that nothing is asked over is still open: one that has something to read was ended."""
    if isinstance(connection, PipeConnection):
        return connection.sock is not None
    try:
        return not select.select([connection.sock], [], [], 0)[0]
    except (OSError, TypeError, ValueError):  # closed; or more open files than `select` can look at
        return False


def _host_and_port(endpoint: Endpoint, scheme: str) -> tuple[str, int | None]:
    try:
        address = urlsplit(f"//{endpoint.host.removeprefix(f'{scheme}://')}")
        return address.hostname or "localhost", address.port
    except ValueError as error:
        raise EngineUnavailable(
            f"{endpoint.source}: {endpoint.host!r} is not the address of a Docker daemon: {error}",
            hint="addresses look like unix:///var/run/docker.sock or tcp://host:2376",
        ) from None


def _context(files: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=files.ca or None)
    if not files.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if files.certificate and files.key:
        context.load_cert_chain(files.certificate, files.key)
    return context
