"""Against a small HTTP server on a unix socket that answers, or does not, as a daemon might."""

from __future__ import annotations

import contextlib
import gc
import http.server
import json
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.engine.connect import connect
from emulator.errors import EngineError, EngineTimeout, EngineUnavailable, ExitCode, Unsupported

VERSION = {"ApiVersion": "1.99", "MinAPIVersion": "1.24", "Version": "99.0", "Os": "linux", "Arch": "amd64"}


class Daemon:
    """Answers by path; `hang` holds requests to that path back until the end, `stall` the rest of the answer."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "docker.sock"
        self.answers: dict[str, tuple[int, object]] = {"/version": (200, VERSION)}
        self.hang = ""
        self.stall = ""
        self.seen: list[str] = []
        self.release = threading.Event()
        self.connections: list[socket.socket] = []
        daemon = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                daemon.seen.append(path)
                if daemon.hang and path.endswith(daemon.hang):
                    daemon.release.wait(30)
                status, answer = daemon.answers.get(path, (404, {"message": f"page {path} not found"}))
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\n"
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if daemon.stall and path.endswith(daemon.stall):
                    self.wfile.write(body[:-1])
                    daemon.release.wait(60)
                    body = body[-1:]
                self.wfile.write(body)

            def address_string(self) -> str:
                return "unix"

            def log_message(self, *arguments: object) -> None:
                pass

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

            def process_request(self, request: Any, client_address: Any) -> None:
                daemon.connections.append(request)
                super().process_request(request, client_address)

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that gave up waiting

        self.server = Server(str(self.path), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path has at most 107 bytes
        running = Daemon(Path(folder))
        monkeypatch.setenv("DOCKER_HOST", f"unix://{running.path}")
        yield running
        running.stop()


def test_a_newer_daemon_is_asked_for_a_version_that_we_know(daemon: Daemon) -> None:
    engine = connect()
    with pytest.raises(EngineError):
        engine.list_containers({})
    assert daemon.seen == ["/version", "/v1.51/containers/json"]
    engine.close()


@pytest.mark.parametrize(("server", "oldest", "spoken"), [("1.41", "1.12", "1.41"), ("1.99", "1.60", "1.60")])
def test_the_version_is_one_that_both_speak(daemon: Daemon, server: str, oldest: str, spoken: str) -> None:
    daemon.answers["/version"] = (200, {**VERSION, "ApiVersion": server, "MinAPIVersion": oldest})
    daemon.answers[f"/v{spoken}/containers/json"] = (200, [])
    engine = connect()
    assert engine.list_containers({}) == []
    engine.close()


def test_a_daemon_too_old_is_refused(daemon: Daemon) -> None:
    daemon.answers["/version"] = (200, {**VERSION, "ApiVersion": "1.40"})
    with pytest.raises(Unsupported, match=r"speaks API 1\.40") as caught:
        connect()
    assert "20.10" in caught.value.hint


def test_a_daemon_that_does_not_answer_is_a_timeout(daemon: Daemon) -> None:
    daemon.hang = "/version"
    with pytest.raises(EngineTimeout, match=r"Docker did not answer within 0\.2 s"):
        connect(timeout=0.2)


def test_a_request_that_hangs_names_itself(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.engine.docker.engine.LIST_TIMEOUT", 0.2)
    daemon.hang = "/containers/json"
    engine = connect()
    with pytest.raises(EngineTimeout, match=r"did not list containers within 0\.2 s"):
        engine.list_containers({})
    engine.close()


def test_of_logs_that_stop_coming_the_rest_is_not_waited_for(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.engine.docker.engine.LOGS_TIMEOUT", 1.0)
    line = b"2026-11-30T10:00:00.000000000Z hello\n"
    frame = struct.pack(">BxxxL", 1, len(line)) + line
    daemon.answers["/v1.51/containers/api/logs"] = (200, frame * 2)
    daemon.stall = "/logs"
    engine = connect()
    lines = engine.logs("api")
    assert next(lines).text == "hello"
    with pytest.raises(EngineTimeout, match=r"did not give the logs of api within 1 s"):
        next(lines)
    engine.close()


def test_a_daemon_that_goes_away_is_told_as_such(daemon: Daemon) -> None:
    engine = connect()
    daemon.stop()
    daemon.path.unlink()
    with pytest.raises(EngineUnavailable, match="no Docker daemon answers"):
        engine.list_containers({})
    engine.close()


def test_a_daemon_that_restarted_meanwhile_is_asked_over_a_new_connection(daemon: Daemon) -> None:
    daemon.answers["/v1.51/containers/json"] = (200, [])
    engine = connect()
    for connection in daemon.connections:
        connection.shutdown(socket.SHUT_RDWR)
    assert engine.list_containers({}) == []
    assert len(daemon.connections) == 2
    engine.close()


@pytest.mark.filterwarnings("error")
def test_an_engine_that_nobody_closes_leaves_no_connection_behind(daemon: Daemon) -> None:
    engine = connect()
    [connection] = daemon.connections
    connection = connection.dup()
    connection.settimeout(10)
    del engine
    gc.collect()
    assert connection.recv(1) == b"", "the daemon sees its end"
    connection.close()


def test_one_connection_serves_one_request_after_the_other_even_where_they_fail(daemon: Daemon) -> None:
    engine = connect()
    for _ in range(3):
        with pytest.raises(EngineError):
            engine.list_containers({})
    assert len(daemon.connections) == 1
    engine.close()


def test_docker_s_own_words_are_the_message(daemon: Daemon) -> None:
    daemon.answers["/v1.51/containers/json"] = (500, {"message": "out of cheese"})
    engine = connect()
    with pytest.raises(EngineError, match=r"^out of cheese$"):
        engine.list_containers({})
    engine.close()


def test_no_socket_is_no_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    with pytest.raises(EngineUnavailable, match=r"no Docker daemon answers at .*nothing\.sock") as caught:
        connect()
    assert caught.value.exit_code == ExitCode.NO_DOCKER
    assert "start Docker" in caught.value.hint


def test_nobody_behind_a_socket_or_port_is_no_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(EngineUnavailable, match="no Docker daemon answers at tcp://"):
            connect()


def test_events_that_end_by_themselves_are_an_error(daemon: Daemon) -> None:
    event = {"Action": "start", "Actor": {"ID": "1", "Attributes": {}}, "timeNano": 1790000000000000000}
    daemon.answers["/v1.51/events"] = (200, event)
    engine = connect()
    events = engine.events({})
    assert next(events).action == "start"
    with pytest.raises(EngineError, match="Docker went away"):
        next(events)
    engine.close()


def test_a_closed_engine_says_so(daemon: Daemon) -> None:
    engine = connect()
    engine.close()
    with pytest.raises(EngineUnavailable, match="closed"):
        engine.list_containers({})


@pytest.mark.parametrize("module", ["emulator.engine.connect", "emulator.engine.fake"])
def test_the_sdk_is_imported_only_to_connect(module: str) -> None:
    script = f"import sys, {module}; sys.exit('docker' in sys.modules or 'requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=30, check=False).returncode == 0


@pytest.mark.filterwarnings("error")
def test_a_stream_that_nobody_closes_leaves_no_connection_behind(daemon: Daemon) -> None:
    event = {"Action": "start", "Actor": {"ID": "1", "Attributes": {}}, "timeNano": 1790000000000000000}
    daemon.answers["/v1.51/events"] = (200, event)
    engine = connect()
    events = engine.events({})
    assert next(events).action == "start"
    connections = [connection.dup() for connection in daemon.connections]
    engine.close()
    del events
    gc.collect()
    for connection in connections:
        connection.settimeout(10)
        assert connection.recv(1) == b"", "the daemon sees its end"
        connection.close()
