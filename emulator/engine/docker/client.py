"""Calls of the Docker SDK: a deadline and typed errors on every one, from any thread.

A client of the SDK serves one thread at a time, so each call borrows one. The connections behind them are shared.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import docker.errors
import urllib3

from emulator.engine.docker import faults
from emulator.engine.docker.endpoint import Endpoint
from emulator.engine.docker.transport import CALL_TIMEOUT, CONNECT_TIMEOUT, SdkClient
from emulator.errors import EngineError, EngineUnavailable, Unsupported

if TYPE_CHECKING:
    import requests

OLDEST_API = (1, 41)
NEWEST_API = (1, 51)
"""The newest version whose answers this package was written for; a later daemon is asked to speak this one."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """The answer to a request, whose body is still to be read, and the connection that it comes over."""

    response: requests.Response
    socket: socket.socket
    sdk: SdkClient

    def close(self) -> None:
        """Ends both; what was not read is lost."""
        self.response.close()
        self.socket.close()
        self.sdk.close()


class Client:
    """Requests to one daemon."""

    def __init__(self, endpoint: Endpoint, timeout: float = CONNECT_TIMEOUT) -> None:
        """Connects and agrees on an API version. Raises EngineUnavailable, or Unsupported for a daemon too old."""
        self.endpoint = endpoint
        self._lock = threading.Lock()
        self._idle: list[SdkClient] = []
        self._closed = False
        with self.translated("answer", timeout):
            first = SdkClient(endpoint, "1.41")
            self._transport = first.get_adapter(first.base_url)
            # A client that is not closed leaves no connection behind.
            weakref.finalize(self, self._transport.close)
            first.deadline = timeout
            self.server_version: Json = first.version(api_version=False)
        self.api_version = self._agreed()
        """The API version in use, `1.47`."""

    def _agreed(self) -> str:
        server = _version(str(self.server_version.get("ApiVersion", "")))
        oldest = _version(str(self.server_version.get("MinAPIVersion", "")))
        if server < OLDEST_API:
            self.close()
            raise Unsupported(
                f"the Docker daemon at {self.endpoint.host} speaks API {self.server_version.get('ApiVersion')}",
                hint="Docker Engine 20.10 (API 1.41) or later is needed",
            )
        agreed = max(min(server, NEWEST_API), oldest)
        return f"{agreed[0]}.{agreed[1]}"

    @contextlib.contextmanager
    def sdk(self, doing: str, timeout: float = CALL_TIMEOUT) -> Iterator[SdkClient]:
        """A client of the SDK for the calls of this block, in which its errors become ours. `doing` completes "Docker
        did not …" in messages; `timeout` (seconds) bounds each wait for the daemon."""
        with self._lock:
            client = self._idle.pop() if self._idle and not self._closed else None
        with self.translated(doing, timeout):
            if client is None:
                client = self._new_client()
                client.mount(client.base_url, self._transport)
            client.deadline = timeout
            try:
                yield client
            finally:
                with self._lock:
                    self._idle.append(client)

    def _new_client(self) -> SdkClient:
        if self._closed:
            raise EngineUnavailable("the connection to Docker is closed")
        return SdkClient(self.endpoint, self.api_version)

    def get_bytes(self, path: str, doing: str, *, params: Mapping[str, str], timeout: float) -> bytes:
        """GET, answer as raw bytes. For archives: where the SDK streams an answer it gives its deadline up."""
        with self.sdk(doing, timeout) as sdk:
            response = sdk.get(_url(sdk, path), params=dict(params), timeout=sdk.timeouts)
            _check(response)
            return response.content

    def open(
        self,
        method: str,
        path: str,
        doing: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = CALL_TIMEOUT,
    ) -> Answer:
        """A request whose answer streams, over a connection of its own; the caller closes it.

        The SDK's own streams end in silence where the connection breaks, and cannot be closed while a thread reads.
        """
        with self.translated(doing, timeout):
            sdk = self._new_client()
            sdk.deadline = timeout
            try:
                response = sdk.request(
                    method,
                    _url(sdk, path),
                    params=dict(params or {}),
                    json=body,
                    headers=dict(headers or {}),
                    timeout=sdk.timeouts,
                    stream=True,
                )
                try:
                    _check(response)
                    return Answer(response, _socket(response), sdk)
                except BaseException:
                    response.close()
                    raise
            except BaseException:
                sdk.close()
                raise

    @contextlib.contextmanager
    def translated(self, doing: str, timeout: float | None = None) -> Iterator[None]:
        """Turns exceptions of the SDK and of what it stands on inside the block into our errors."""
        try:
            yield
        except docker.errors.APIError as error:
            raise faults.from_response(error.status_code or 0, str(error.explanation or "")) from error
        except (docker.errors.DockerException, urllib3.exceptions.HTTPError, OSError) as error:
            raise faults.from_exception(error, self.endpoint, doing, timeout) from error

    def close(self) -> None:
        """Closes all connections; streams that are open end when their owners close them."""
        with self._lock:
            self._closed = True
            self._idle.clear()
        self._transport.close()


def _url(sdk: SdkClient, path: str) -> str:
    return f"{sdk.base_url}/v{sdk.api_version}{path}"


def _check(response: requests.Response) -> None:
    """Raises what the daemon has against a request."""
    if response.status_code >= 400:
        raise faults.from_response(response.status_code, _words(response.content))


def _socket(response: requests.Response) -> socket.socket:
    """The connection of an answer that is not read to its end."""
    connection: socket.socket | None = getattr(response.raw.connection, "sock", None)
    if connection is None:
        raise EngineError("Docker, or a proxy before it, ended the connection of an answer that streams")
    return connection


def _words(content: bytes) -> str:
    """What the daemon has to say of a refusal."""
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    return str(answer.get("message", "")) if isinstance(answer, dict) else content.decode(errors="replace")


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)
