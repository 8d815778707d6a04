"""HTTP requests to the Docker daemon: a deadline and typed errors on every one, from any thread.

The SDK's client brings the transport (unix socket, TLS, Windows pipe) and the registry credentials. It is a `requests`
session, which is not promised to be thread-safe, so each request borrows one from a pool. The SDK's own methods are not
used: several of them inspect the container first, and that hangs where a log driver is stuck.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import docker
import docker.tls
import requests

from emulator.engine.docker import faults
from emulator.engine.docker.endpoint import Endpoint
from emulator.engine.docker.transport import UnixAdapter
from emulator.errors import EngineUnavailable, Unsupported

OLDEST_API = (1, 41)
NEWEST_API = (1, 51)
"""The newest version whose answers this package was written for; a later daemon is asked to speak this one."""

CONNECT_TIMEOUT = 10.0
CALL_TIMEOUT = 30.0
"""Seconds for a request that does little work in the daemon."""

Json = dict[str, Any]


class Client:
    """Requests to one daemon."""

    def __init__(self, endpoint: Endpoint, timeout: float = CONNECT_TIMEOUT) -> None:
        """Connects and agrees on an API version. Raises EngineUnavailable, or Unsupported for a daemon too old."""
        self.endpoint = endpoint
        self._lock = threading.Lock()
        self._idle: list[docker.APIClient] = []
        self._closed = False
        self._api_version = "1.41"
        self.server_version = self._negotiate(timeout)

    @property
    def api_version(self) -> str:
        """The API version in use, `1.47`."""
        return self._api_version

    def _negotiate(self, timeout: float) -> Json:
        answer: Json = self._request("GET", "/version", "answer", timeout, versioned=False).json()
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
        return self._request("GET", path, doing, timeout or CALL_TIMEOUT, params=params).json()

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
        response = self._request("POST", path, doing, timeout or CALL_TIMEOUT, params=params, body=body)
        content = response.content
        return dict(json.loads(content)) if content.strip() else {}

    def put(self, path: str, doing: str, *, params: Mapping[str, str], data: bytes, timeout: float = 0) -> None:
        """PUT of raw bytes (a tar archive)."""
        self._request("PUT", path, doing, timeout or CALL_TIMEOUT, params=params, data=data)

    def delete(self, path: str, doing: str, *, params: Mapping[str, str] | None = None, timeout: float = 0) -> None:
        """DELETE."""
        self._request("DELETE", path, doing, timeout or CALL_TIMEOUT, params=params)

    def get_bytes(self, path: str, doing: str, *, params: Mapping[str, str], timeout: float = 0) -> bytes:
        """GET, answer as raw bytes."""
        return self._request("GET", path, doing, timeout or CALL_TIMEOUT, params=params).content

    @contextlib.contextmanager
    def translated(self, doing: str, timeout: float | None = None) -> Iterator[None]:
        """Turns exceptions of the transport inside the block into our errors."""
        try:
            yield
        except (requests.exceptions.RequestException, docker.errors.DockerException, OSError) as error:
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
    ) -> tuple[requests.Response, docker.APIClient]:
        """A request whose answer streams. The caller closes the response and hands the session back (`release`)."""
        session = self.borrow()
        try:
            response = self._send(
                session, method, path, doing, timeout or CALL_TIMEOUT, params=params, body=body, headers=headers
            )
        except BaseException:
            session.close()
            raise
        return response, session

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
    ) -> requests.Response:
        session = self.borrow()
        try:
            response = self._send(
                session, method, path, doing, timeout, params=params, body=body, data=data, versioned=versioned
            )
            with self.translated(doing, timeout):
                _ = response.content  # reads all of it, which gives the connection back
        except BaseException:
            session.close()
            raise
        self.release(session)
        return response

    def _send(
        self,
        session: docker.APIClient,
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
    ) -> requests.Response:
        prefix = f"/v{self._api_version}" if versioned else ""
        sent = dict(headers or {})
        payload: bytes | None = data
        if body is not None:
            payload = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        with self.translated(doing, timeout):
            response = session.request(
                method,
                f"{session.base_url}{prefix}{path}",
                params=params,
                data=payload,
                headers=sent,
                timeout=(min(timeout, CONNECT_TIMEOUT), timeout),
                stream=True,
            )
            if response.status_code >= 400:
                message = _message(response)
                response.close()
                raise faults.from_response(response.status_code, message)
        return response

    def borrow(self) -> docker.APIClient:
        """A session for one request; give it back with `release`, or close it after an error."""
        with self._lock:
            if self._closed:
                raise EngineUnavailable("the connection to Docker is closed")
            if self._idle:
                return self._idle.pop()
        with self.translated("answer"):
            return self._new_session()

    def release(self, session: docker.APIClient) -> None:
        """Takes a session back for the next request."""
        with self._lock:
            if not self._closed:
                self._idle.append(session)
                return
        session.close()

    def _new_session(self) -> docker.APIClient:
        tls: docker.tls.TLSConfig | bool = False
        if self.endpoint.tls is not None:
            files = self.endpoint.tls
            certificate = (files.certificate, files.key) if files.certificate and files.key else None
            tls = docker.tls.TLSConfig(client_cert=certificate, ca_cert=files.ca or None, verify=files.verify)
        session = docker.APIClient(base_url=self.endpoint.host, version=self._api_version, tls=tls)
        if self.endpoint.host.startswith("unix://"):
            session.mount("http+docker://", UnixAdapter(f"http+{self.endpoint.host}"))
        session.trust_env = False  # else proxies, netrc and REQUESTS_CA_BUNDLE would apply to the daemon
        return session

    def close(self) -> None:
        """Closes all connections; streams that are open end when their owners close them."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()


def _message(response: requests.Response) -> str:
    try:
        answer = response.json()
    except ValueError:
        return response.text
    return str(answer.get("message", "")) if isinstance(answer, dict) else response.text


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)
