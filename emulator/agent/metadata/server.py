"""HTTP around the endpoint, with the limits that the ECS agent has."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from emulator.agent.metadata.answers import TOO_MANY, Answer, Request
from emulator.agent.metadata.endpoint import Endpoint

TIMEOUT = 5.0
"""Seconds to read a request and to write an answer, as in the agent."""
STEADY_RATE = 40.0
BURST = 60.0
LARGEST_BODY = 64 * 1024


class RateLimit:
    """40 requests a second and 60 at once, for each caller and path, as in the agent."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}
        """What is left of each, and when that was counted."""

    def allows(self, address: str, path: str) -> bool:
        """Whether one more request is answered; counts it."""
        now = self._clock()
        with self._lock:
            left, counted = self._buckets.get((address, path), (BURST, now))
            left = min(BURST, left + (now - counted) * STEADY_RATE)
            if len(self._buckets) > 1000:
                full = BURST / STEADY_RATE
                self._buckets = {key: bucket for key, bucket in self._buckets.items() if now - bucket[1] < full}
            self._buckets[address, path] = (left - 1 if left >= 1 else left, now)
            return left >= 1


class MetadataServer(ThreadingHTTPServer):
    """Serves an endpoint on a socket that listens already."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, endpoint: Endpoint) -> None:
        super().__init__(listener.getsockname(), _Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.endpoint = endpoint
        self.limit = RateLimit()


class _Connection(BaseHTTPRequestHandler):
    server: MetadataServer
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT

    def _serve(self) -> None:
        address = str(self.client_address[0])
        body = self._body()
        if body is None:
            self._send(Answer(413, b""))
        elif not self.server.limit.allows(address, urlsplit(self.path).path):
            self._send(TOO_MANY)
        else:
            self._send(self.server.endpoint.answer(Request(self.command, self.path, address, body)))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = _serve

    def _body(self) -> bytes | None:
        """The request's body; None for one that is too long or of unknown length."""
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > LARGEST_BODY or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _send(self, answer: Answer) -> None:
        # Not `send_response`, which names server and Python version.
        self.send_response_only(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Date", datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"))
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.location:
            self.send_header("Location", answer.location)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: a path may hold the id of credentials."""
