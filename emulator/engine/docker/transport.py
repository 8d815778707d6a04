"""The SDK's connection over a unix socket, less a leak: it forgets its socket where nobody answers."""

from __future__ import annotations

import socket

import urllib3.connection
from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnectionPool


class _Connection(urllib3.connection.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
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


class _Pool(UnixHTTPConnectionPool):
    def _new_conn(self) -> _Connection:
        return _Connection(self.socket_path)


class UnixAdapter(UnixHTTPAdapter):
    """Mounted in place of the SDK's own."""

    def get_connection(self, url: str | bytes, proxies: object = None) -> _Pool:
        del proxies
        with self.pools.lock:
            pool = self.pools.get(url)
            if pool is None:
                pool = self.pools[url] = _Pool(str(url), self.socket_path, self.timeout, maxsize=self.max_pool_size)
        return pool
