"""HTTP over a unix socket for the Docker SDK, with one pool of connections for all paths, and none left open where
nothing answers."""

from __future__ import annotations

import socket
from typing import Any

import urllib3
from docker.transport.unixconn import UnixHTTPAdapter
from urllib3.connection import HTTPConnection

_CONNECTIONS = 32
"""Connections that stay open between requests."""


class UnixConnection(HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, *arguments: Any, path: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._path = path

    def connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self.timeout)
            connection.connect(self._path)
        except TimeoutError as error:
            connection.close()
            raise urllib3.exceptions.ConnectTimeoutError(str(error)) from error
        except BaseException:
            connection.close()
            raise
        self.sock = connection


class UnixPool(urllib3.HTTPConnectionPool):
    """Connections to one unix socket."""

    ConnectionCls = UnixConnection


class UnixAdapter(UnixHTTPAdapter):
    """The SDK's adapter keeps a pool for each URL that it is asked for; this one has a single pool."""

    def __init__(self, path: str) -> None:
        super().__init__(f"http+unix://{path}")
        self._pool: urllib3.HTTPConnectionPool = UnixPool("localhost", maxsize=_CONNECTIONS, path=path)

    def get_connection(self, url: str | bytes, proxies: object = None) -> urllib3.HTTPConnectionPool:  # type: ignore[override]
        """The pool."""
        del url, proxies
        return self._pool

    def close(self) -> None:
        """Closes the connections that no request uses."""
        super().close()
        self._pool.close()
