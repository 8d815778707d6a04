"""HTTP requests to the Docker daemon: a deadline and typed errors on every one, from any thread.

A connection serves one request at a time, so each request borrows one from a pool.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import weakref
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import Struct

from emulator.engine.docker import faults
from emulator.engine.docker.endpoint import Endpoint
from emulator.engine.docker.transport import connected, is_usable
from emulator.errors import EngineUnavailable, Unsupported

OLDEST_API = (1, 41)
NEWEST_API = (1, 51)
"""The newest version whose answers this package was written for; a later daemon is asked to speak this one."""

CONNECT_TIMEOUT = 10.0
CALL_TIMEOUT = 30.0
"""Seconds for a request that does little work in the daemon."""
_IN_PATHS = "!$%&'()*+,/:;=@[]~"
"""What stays as it is in the path of a request; image references have some of it."""

Json = dict[str, Any]


class Answer(Struct, frozen=True):
    """The answer to a request, whose body is still to be read, and the connection that it comes over."""

    response: http.client.HTTPResponse
    socket: socket.socket
    connection: http.client.HTTPConnection

    def close(self) -> None:
        """Ends both; what was not read is lost."""
        self.response.close()
        self.connection.close()
        self.socket.close()


class Client:
    """Requests to one daemon."""

    def __init__(self, endpoint: Endpoint, timeout: float = CONNECT_TIMEOUT) -> None:
        """Connects and agrees on an API version. Raises EngineUnavailable, or Unsupported for a daemon too old."""
        self.endpoint = endpoint
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        weakref.finalize(self, _close_all, self._idle)  # whoever forgets to close it leaves no connection behind
        self._closed = False
        self._api_version = "1.41"
        self.server_version = self._negotiate(timeout)

    @property
    def api_version(self) -> str:
        """The API version in use, `1.47`."""
        return self._api_version

    def _negotiate(self, timeout: float) -> Json:
        answer: Json = json.loads(self._request("GET", "/version", "answer", timeout, versioned=False))
        server = _version(str(answer.get("ApiVersion", "")))
        oldest = _version(str(answer.get("MinAPIVersion", "")))
        if server < OLDEST_API:
            self.close()
            raise Unsupported(
                f"the Docker daemon at {self.endpoint.host} speaks API {answer.get('ApiVersion')}",
                hint="Docker Engine 20.10 (API 1.41) or later is needed",
            )
        agreed = max(min(server, NEWEST_API), oldest)
        self._api_version = f"{agreed[0]}.{agreed[1]}"
        return answer

    def get(self, path: str, doing: str, *, params: Mapping[str, str] | None = None, timeout: float = 0) -> Any:
        """GET, answer as JSON. `doing` completes "Docker did not …" in messages."""
        return json.loads(self._request("GET", path, doing, timeout or CALL_TIMEOUT, params=params))

    def post(
        self,
        path: str,
        doing: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        timeout: float = 0,
    ) -> Json:
        """POST with a JSON body, answer as JSON; {} where there is none."""
        content = self._request("POST", path, doing, timeout or CALL_TIMEOUT, params=params, body=body)
        return dict(json.loads(content)) if content.strip() else {}

    def put(self, path: str, doing: str, *, params: Mapping[str, str], data: bytes, timeout: float = 0) -> None:
        """PUT of raw bytes (a tar archive)."""
        self._request("PUT", path, doing, timeout or CALL_TIMEOUT, params=params, data=data)

    def delete(self, path: str, doing: str, *, params: Mapping[str, str] | None = None, timeout: float = 0) -> None:
        """DELETE."""
        self._request("DELETE", path, doing, timeout or CALL_TIMEOUT, params=params)

    def get_bytes(self, path: str, doing: str, *, params: Mapping[str, str], timeout: float = 0) -> bytes:
        """GET, answer as raw bytes."""
        return self._request("GET", path, doing, timeout or CALL_TIMEOUT, params=params)

    @contextlib.contextmanager
    def translated(self, doing: str, timeout: float | None = None) -> Iterator[None]:
        """Turns exceptions of the transport inside the block into our errors."""
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            raise faults.from_exception(error, self.endpoint, doing, timeout) from error

    def open(
        self,
        method: str,
        path: str,
        doing: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 0,
    ) -> Answer:
        """A request whose answer streams; the caller closes it."""
        timeout = timeout or CALL_TIMEOUT
        return self._send(method, path, doing, timeout, params=params, body=body, headers=headers)

    def _request(
        self,
        method: str,
        path: str,
        doing: str,
        timeout: float,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        data: bytes | None = None,
        versioned: bool = True,
    ) -> bytes:
        answer = self._send(method, path, doing, timeout, params=params, body=body, data=data, versioned=versioned)
        try:
            with self.translated(doing, timeout):
                content = answer.response.read()
        except BaseException:
            answer.close()
            raise
        self._keep(answer)
        return content

    def _send(
        self,
        method: str,
        path: str,
        doing: str,
        timeout: float,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        versioned: bool = True,
    ) -> Answer:
        """Sends a request and reads the head of its answer. Raises what the daemon has against it."""
        url = (f"/v{self._api_version}" if versioned else "") + quote(path, safe=_IN_PATHS)
        if params:
            url += f"?{urlencode(params)}"
        sent = dict(headers or {})
        payload: bytes | None = data
        if body is not None:
            payload = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        with self.translated(doing, timeout):
            connection = self._connection(timeout)
            own = connection.sock
            try:
                own.settimeout(timeout)
                connection.request(method, url, payload, sent)
                answer = Answer(connection.getresponse(), own, connection)
                if answer.response.status < 400:
                    return answer
                message = answer.response.read()
            except BaseException:
                connection.close()
                own.close()
                raise
        self._keep(answer)
        raise faults.from_response(answer.response.status, _words(message))

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        """A connection for one request."""
        with self._lock:
            if self._closed:
                raise EngineUnavailable("the connection to Docker is closed")
            while self._idle:
                connection = self._idle.pop()
                if is_usable(connection):
                    return connection
                connection.close()
        return connected(self.endpoint, min(timeout, CONNECT_TIMEOUT))

    def _keep(self, answer: Answer) -> None:
        """Takes the connection of an answer that was read to its end back for the next request."""
        with self._lock:
            if not self._closed and not answer.response.will_close:
                self._idle.append(answer.connection)
                return
        answer.close()

    def close(self) -> None:
        """Closes all connections; streams that are open end when their owners close them."""
        with self._lock:
            self._closed = True
        _close_all(self._idle)


def _close_all(connections: list[http.client.HTTPConnection]) -> None:
    while connections:
        connections.pop().close()


def _words(content: bytes) -> str:
    """What the daemon has to say of a refusal."""
    try:
        answer = json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
    return str(answer.get("message", "")) if isinstance(answer, dict) else content.decode(errors="replace")


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)
