"""The HTTP server: threads of the command's own process, on 127.0.0.1."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from emulator.api.clusters import Clusters
from emulator.api.exec.channel import Channel, Wire
from emulator.api.exec.sessions import OPEN_FOR, PATH
from emulator.api.wire import JSON, answer, foreign
from emulator.errors import PortInUse

RESET = "/moto-api/reset"
MOST_BODY = 1 << 20
"""Bytes of a request's body."""
IDLE = 120
"""Seconds for which a connection may be silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, clusters: Clusters, *, resets: bool) -> None:
        self.clusters = clusters
        self.resets = resets
        super().__init__(("127.0.0.1", port), _Handler)
        clusters.sessions.address = f"127.0.0.1:{self.server_address[1]}"

    def end(self) -> None:
        """Serves no longer. `shutdown` alone is noticed at the next look only, half a second later; a socket that
        listens no longer wakes the loop (on macOS it does not)."""
        ending = threading.Thread(target=self.shutdown)
        ending.start()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        ending.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = IDLE
    disable_nagle_algorithm = True

    def log_message(self, *words: object) -> None:
        """Requests are no news."""

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BODY:
            self.close_connection = True
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if length.isdecimal() else HTTPStatus.LENGTH_REQUIRED
            self._send(status, JSON, b"{}")
            return
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path == RESET and self.server.resets:
            self._reset(headers)
            return
        found = answer(self.server.clusters, headers, body)
        self._send(found.status, found.kind, found.body, found.id)

    def _reset(self, headers: Mapping[str, str]) -> None:
        if foreign(headers):
            self._send(HTTPStatus.FORBIDDEN, JSON, b"{}")
            return
        self.server.clusters.host.created.end_all()
        self.server.clusters.store.clear()
        self._send(HTTPStatus.OK, JSON, b'{"status": "ok"}')

    def do_GET(self) -> None:
        """Only a data channel of ECS Exec is opened so."""
        self.close_connection = True
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not self.path.startswith(PATH) or headers.get("upgrade", "").lower() != "websocket":
            self._send(HTTPStatus.NOT_FOUND, JSON, b"{}")
        elif foreign(headers):
            self._send(HTTPStatus.FORBIDDEN, JSON, b"{}")
        else:
            self.connection.settimeout(OPEN_FOR)
            pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
            Channel(self.server.clusters.sessions, Wire(self.rfile, self.connection)).run(self.path, pairs)

    def _send(self, status: HTTPStatus, kind: str, body: bytes, id_: str = "") -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if id_:
            self.send_header("x-amzn-RequestId", id_)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(clusters: Clusters, port: int, *, resets: bool = False) -> Iterator[int]:
    """Serves within this block; gives the port. With `resets`, a POST to `RESET` clears the store, as test suites made
    for moto's server ask for. Raises `PortInUse` where another process has it."""
    try:
        server = _Server(port, clusters, resets=resets)
    except OSError as error:
        clusters.close()
        raise PortInUse(f"port {port} of 127.0.0.1 cannot be listened on: {error.strerror}", port=port) from None
    threading.Thread(target=server.serve_forever, args=(0.5,), daemon=True, name="api").start()
    try:
        yield server.server_address[1]
    finally:
        server.clusters.sessions.close()
        server.end()
        clusters.close()
