"""A real HAProxy with the configuration that this room writes, and targets to look into.

One container holds the HAProxy processes of a test session, on the host's network: fronts, targets and clients all meet
on 127.0.0.1. The container is as bare as the real front: HAProxy's own user, no capabilities.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import http.server
import itertools
import json
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from emulator.ecs.service import Service
from emulator.engine.connect import connect
from emulator.engine.interface import ContainerSpec, Engine, Mount, UlimitSpec
from emulator.frontdoor.haproxy.admin import (
    RELOAD,
    SHOW_STAT,
    SHOW_STATE,
    Server,
    parse_show_stat,
    placed,
    reconcile,
    refused,
    reload_problem,
)
from emulator.frontdoor.haproxy.configuration import (
    CONFIGURATION_FILE,
    SHOW_KEY,
    STATE_FILE,
    FrontFiles,
    front_configuration,
)
from emulator.frontdoor.options import ACCESS_LOG_SOCKET, FOLDER, NOFILE, RUN_FOLDER, FrontOptions, Target
from emulator.frontdoor.target_health import TargetHealth, target_health
from emulator.settings import load_settings

HEALTH_PATH = "/health"
DEADLINE = 20.0


@dataclass
class Probe:
    """A health check as it arrived."""

    request_line: str
    headers: list[tuple[str, str]]
    time: float = field(default_factory=time.monotonic)


@dataclass
class Upstream:
    """One target on 127.0.0.1. Set `health`, `fault` at any time."""

    name: str
    health: int = 200
    """The status of health checks; 0: they get no answer."""
    fault: str = ""
    """`reset`, `garbage`, `hang`: what happens to a request that is not a health check."""
    probes: list[Probe] = field(default_factory=list)
    more_headers: list[tuple[str, str]] = field(default_factory=list)
    """Of every answer to a request that is no health check."""
    paths: list[str] = field(default_factory=list)
    """Of all requests but health checks."""
    gate: threading.Event = field(default_factory=threading.Event)
    """A request to `/slow` waits for it."""
    waiting: threading.Event = field(default_factory=threading.Event)
    """Set while a request to `/slow` waits."""

    def __post_init__(self) -> None:
        upstream = self

        class Handler(_Handler):
            target = upstream

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def forget(self) -> None:
        """For the next test, where several have the same target: as it was made, but for its health checks."""
        self.fault = ""
        self.more_headers.clear()
        self.paths.clear()

    def stop(self) -> None:
        """Stops listening: connections are refused from now on."""
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that go away are part of the tests


class _Handler(http.server.BaseHTTPRequestHandler):
    target: Upstream
    protocol_version = "HTTP/1.1"

    def do_ANY(self) -> None:
        path = self.requestline.split(" ")[1]
        if path.partition("?")[0] == HEALTH_PATH and self.headers.get("User-Agent", "").startswith("ELB-HealthChecker"):
            self.target.probes.append(Probe(self.requestline, list(self.headers.items())))
            if self.target.health:
                self._answer(self.target.health, b"")
            else:
                self.target.gate.wait(20)
            return
        self.target.paths.append(path)
        if self.headers.get("Upgrade") == "websocket":
            self._websocket()
            return
        if path == "/slow":
            self.target.waiting.set()
            self.target.gate.wait(20)
        if self.target.fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        if self.target.fault == "garbage":
            self.wfile.write(b"this is not HTTP\r\n\r\n")
            self.close_connection = True
            return
        if self.target.fault == "hang":
            self.target.gate.wait(20)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode("latin-1")
        seen = {
            "target": self.target.name,
            "method": self.command,
            "path": path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": body,
        }
        self._answer(200, json.dumps(seen).encode())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.do_ANY
        raise AttributeError(name)

    def _websocket(self) -> None:
        """Becomes a tunnel that sends everything back."""
        self.send_response(101)
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        self.close_connection = True
        while data := self.connection.recv(65536):
            self.connection.sendall(data)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Target", self.target.name)
        for name, value in self.target.more_headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def wait_until(condition: Callable[[], bool], what: str, timeout: float = DEADLINE) -> None:
    """Returns when the condition holds; fails with `what` where it does not in time."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"not within {timeout:g} s: {what}")
        time.sleep(0.02)


# Below the range that the kernel takes the ports of outgoing connections from, and apart from other workers.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = itertools.cycle(range(20000 + 500 * (_WORKER % 16), 20000 + 500 * (_WORKER % 16 + 1)))


def free_port() -> int:
    """A free port, which is not handed out again soon."""
    for port in _PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


@dataclass
class Response:
    """What a client got."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def seen(self) -> dict[str, Any]:
        """What the target saw of the request."""
        result: dict[str, Any] = json.loads(self.body)
        return result

    def seen_header(self, name: str) -> list[str]:
        return [value for key, value in self.seen["headers"] if key == name.lower()]


def fetch(
    port: int,
    method: str,
    path: str,
    headers: Sequence[tuple[str, str]],
    body: bytes | None = None,
    timeout: float = 10,
) -> Response:
    """One request on a connection of its own, its target and headers sent as they are given."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Response(answer.status, answer.reason, answer.getheaders(), answer.read())
    finally:
        connection.close()


class Front:
    """One running HAProxy, with the part of the agent played by `settle` and `reload`."""

    def __init__(
        self,
        host: FrontHost,
        folder: str,
        services: Sequence[Service],
        targets: Sequence[Target],
        options: FrontOptions,
        log_port: int = 0,
    ) -> None:
        self.host, self.folder = host, folder
        self.services, self.options = services, options
        self.port, self.admin_port, self.master_port = options.bind_port, free_port(), free_port()
        self.log_port = log_port
        self.targets = list(targets)
        self.draining: list[Target] = []
        self.commands: list[str] = []
        self._beside = False
        self._health: list[TargetHealth] = []
        self._write(front_configuration(services, targets, options))
        master = ("-S", f"127.0.0.1:{self.master_port}")
        self.host.run("haproxy", "-W", "-D", "-p", f"{folder}/pid", *master, *self._files())

    def _files(self) -> tuple[str, ...]:
        return ("-f", f"{self.folder}/{CONFIGURATION_FILE}", "-f", f"{self.folder}/test.cfg")

    def _write(self, written: FrontFiles, state: str = "") -> None:
        self.key = written.rules_key
        # A second socket, since a test outside of the container cannot reach the first.
        extra = f"global\n  stats socket ipv4@127.0.0.1:{self.admin_port} level admin\n"
        files = {
            path: content.replace(FOLDER.encode(), self.folder.encode()) for path, content in written.files.items()
        }
        # The same for the socket that the access log goes to.
        listener = f"unix@{self.folder}/{ACCESS_LOG_SOCKET}".encode()
        configuration = files[CONFIGURATION_FILE].replace(listener, f"127.0.0.1:{self.log_port}".encode())
        files[CONFIGURATION_FILE] = configuration
        self.host.put(self.folder, {**files, STATE_FILE: state.encode(), "test.cfg": extra.encode()})

    def admin(self, command: str) -> str:
        """The answer to one command on the admin socket."""
        return self._ask(self.admin_port, command)

    def _ask(self, port: int, command: str) -> str:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def servers(self) -> list[Server]:
        return parse_show_stat(self.admin(SHOW_STAT))

    def step(self) -> list[str]:
        """What the agent does a few times a second."""
        commands = reconcile(self.services, self.servers(), self.targets, self.draining, self.options)
        for command in commands:
            problem = refused(self.admin(command))
            assert problem is None or command.startswith("del server"), f"{command}: {problem}"
        self.commands += commands
        return commands

    def health(self) -> dict[str, TargetHealth]:
        self._health = target_health(self.services, self.servers(), self.targets, self.draining, self._health)
        return {item.name: item for item in self._health}

    def settle(self, **states: str) -> None:
        """Steps until the named targets are in these states and there is nothing left to do."""

        def settled() -> bool:
            if self.step():
                return False
            health = self.health()
            return all(name in health and health[name].state == state for name, state in states.items())

        wait_until(settled, f"targets in states {states}: {self.servers()}")

    def reload(self, services: Sequence[Service]) -> None:
        """New rules, with the targets and their health carried over. Returns once they are in force."""
        state = self.admin(SHOW_STATE)
        targets = placed(services, self.servers(), self.targets, self.options)
        self.services = services
        self._write(front_configuration(services, targets, self.options), state)
        answers: list[str] = []

        def asked() -> bool:
            with contextlib.suppress(ConnectionError):  # the master begins to listen once its workers do
                answers.append(self._ask(self.master_port, RELOAD))
            return bool(answers)

        wait_until(asked, "HAProxy's master listens")
        problem = reload_problem(answers[0])
        assert problem is None, problem
        # Until the old worker has heard of its end it may take connections, and answer.
        wait_until(lambda: self.key in self.admin(SHOW_KEY), "the new rules in force")

    def run_beside(self, configuration: str) -> None:
        """A HAProxy with a configuration of the test's own, as a client or target that speaks what Python does not."""
        self.host.put(f"{self.folder}/beside", {"haproxy.cfg": configuration.encode()})
        file = f"{self.folder}/beside/haproxy.cfg"
        self.host.run("haproxy", "-D", "-p", f"{self.folder}/beside/pid", "-f", file)
        self._beside = True

    def request(
        self,
        method: str,
        path: str,
        headers: Sequence[tuple[str, str]] = (("Host", "h.test"),),
        body: bytes | None = None,
        timeout: float = 10,
    ) -> Response:
        """One request on a connection of its own, its target and headers sent as they are given."""
        return fetch(self.port, method, path, headers, body, timeout)

    def get(self, path: str, **headers: str) -> Response:
        pairs = {"Host": "h.test", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.request("GET", path, list(pairs.items()))

    def raw(self, data: bytes, *, half_close: bool = True) -> bytes:
        """Everything the front sends back until it closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            answer = b""
            try:
                connection.sendall(data)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
                while block := connection.recv(65536):
                    answer += block
            except ConnectionError:  # it answered before it had read all, and closed
                if not answer:
                    raise
            return answer

    def stop(self) -> None:
        files = [f"{self.folder}/pid", *([f"{self.folder}/beside/pid"] if self._beside else [])]
        self.host.run("sh", "-c", f"kill $(cat {' '.join(files)})")


def targets_hit(front: Front, path: str = "/") -> set[str]:
    """The targets that a number of requests go to.

    HAProxy's round robin comes to a new server after a whole turn: 16 requests for every server there was before.
    """
    return {front.get(path).seen["target"] for _ in range(40)}


class FrontHost:
    """The container that the HAProxy processes of a session run in. It has `folder` at the same path."""

    def __init__(self, engine: Engine, container: str, folder: Path) -> None:
        self.engine, self.container, self._folder = engine, container, folder
        self._numbers = itertools.count()

    def put(self, folder: str, files: dict[str, bytes]) -> None:
        for path in (".", RUN_FOLDER):  # HAProxy has a user of its own
            (Path(folder) / path).mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).chmod(0o777)
        for path, content in files.items():
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(0o644)

    def run(self, *command: str) -> str:
        result = self.engine.exec(self.container, command)
        assert result.exit_code == 0, (command, result.stdout.decode(), result.stderr.decode())
        return result.stdout.decode()

    def start(
        self, services: Sequence[Service], targets: Sequence[Target], options: FrontOptions, log_port: int
    ) -> Front:
        return Front(self, f"{self._folder}/{next(self._numbers)}", services, targets, options, log_port)


@pytest.fixture(scope="session")
def front_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontHost]:
    engine = connect()
    image = load_settings().references.get("haproxy:3.0", "haproxy:3.0")
    name = f"cl-test-front-{uuid.uuid4().hex[:12]}"
    folder = tmp_path_factory.mktemp("fronts")
    folder.chmod(0o755)
    spec = ContainerSpec(
        name=name,
        image=image,
        labels={"copilot-local.app": name},
        entrypoint=("sleep", "3600"),
        network="host",
        init=True,
        mounts=(Mount(str(folder), str(folder), bind=True),),
        cap_drop=("ALL",),
        ulimits=(UlimitSpec("nofile", NOFILE, NOFILE),),
    )
    container = engine.create_container(spec)
    try:
        engine.start(container)
        yield FrontHost(engine, container, folder)
    finally:
        engine.kill(container)
        engine.remove(container)
        engine.close()


StartFront = Callable[..., Front]


def _fronts(front_host: FrontHost) -> Iterator[StartFront]:
    fronts: list[Front] = []

    def start(
        services: Sequence[Service], targets: Sequence[Target] = (), *, log_port: int = 0, **options: Any
    ) -> Front:
        settings = FrontOptions(bind_address="127.0.0.1", bind_port=free_port(), initial_interval=0.05)
        fronts.append(front_host.start(services, targets, replace(settings, **options), log_port))
        return fronts[-1]

    yield start
    for front in fronts:
        front.stop()


start_front = pytest.fixture(_fronts, name="start_front")
"""Starts fronts that stop with the test. A test's own options are keyword arguments of `FrontOptions`."""
make_front = pytest.fixture(_fronts, scope="module", name="make_front")
"""Starts fronts that stop with the module."""


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A self-signed certificate for h.test with its key, PEM."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=h.test", "-addext", "subjectAltName=DNS:h.test"]
    subprocess.run([*command, "-keyout", "key", "-out", "crt"], cwd=folder, check=True, capture_output=True, timeout=30)
    return (folder / "crt").read_text() + (folder / "key").read_text()


Make = Callable[[str], Upstream]


def _upstreams() -> Iterator[Make]:
    made: list[Upstream] = []

    def make(name: str) -> Upstream:
        made.append(Upstream(name))
        return made[-1]

    yield make
    for item in made:
        item.stop()


upstream = pytest.fixture(_upstreams, name="upstream")
"""Makes targets that stop with the test."""
make_upstream = pytest.fixture(_upstreams, scope="module", name="make_upstream")
"""Makes targets that stop with the module."""
