"""The driver that has another endpoint answer: what reaches that, and what comes back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from emulator.aws import forwarding
from emulator.aws.forwarding import Other, driver
from tests.unit.aws.client import Answer, ask

SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/logs/aws4_request, Signature=0"


class _Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        text = self._body().decode()
        answer = f"{self.command} {self.path} {self.headers['Host']} {text}".encode()
        self.send_response(201)
        self.send_header("X-Own", "kept")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_HEAD = do_POST

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def other() -> Iterator[Other]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield Other(f"http://localhost:{server.server_port}", host="127.0.0.1")
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port that nothing listens on."""
    monkeypatch.setattr(forwarding, "STARTS", 0.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def asked(
    other: Other, path: str, body: bytes = b"", headers: dict[str, str] | None = None, method: str = "POST"
) -> Answer:
    return ask(driver(other, "us-east-1").application, path, body, headers, method=method)


def test_the_other_one_gets_the_request_and_its_answer_comes_back(other: Other) -> None:
    answer = asked(other, "/a/b c", b"text", {"Host": "127.0.0.1:4566", "Content-Length": "4"})
    assert (answer.status, answer.body) == (201, b"POST /a/b%20c 127.0.0.1:4566 text")
    assert answer.headers["x-own"] == "kept"


def test_a_body_without_a_length_arrives_whole(other: Other) -> None:
    answer = asked(other, "/", b"text", {"Host": "h", "Transfer-Encoding": "chunked"})
    assert answer.body == b"POST / h text"


def test_an_answer_without_a_body_has_its_length(other: Other) -> None:
    answer = asked(other, "/", headers={"Host": "h"}, method="HEAD")
    assert (answer.body, answer.headers["content-length"]) == (b"", str(len("HEAD / h ")))


def test_where_nothing_answers_the_service_is_unavailable(closed: int) -> None:
    answer = asked(Other(f"http://127.0.0.1:{closed}"), "/", b"x")
    assert answer.status == 503
    assert f"http://127.0.0.1:{closed} does not answer" in answer.body.decode()


def test_a_socket_that_is_not_there_is_no_answer_either(closed: int, tmp_path: Path) -> None:
    assert asked(Other("http://localhost:1", socket=str(tmp_path / "1.sock")), "/").status == 503


def test_what_does_not_speak_http_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"SSH-2.0-other\r\n\r\n")
                connection.recv(1 << 16)

        thread = threading.Thread(target=speak)
        thread.start()
        answer = asked(Other(f"http://127.0.0.1:{server.getsockname()[1]}"), "/")
        thread.join()
    assert (answer.status, b"does not answer as HTTP has it" in answer.body) == (503, True)


def test_regions_that_logs_are_sent_to_are_known(other: Other) -> None:
    own = driver(other, "us-east-1")
    ask(own.application, "/", headers={"Host": "h", "Authorization": SIGNED})
    assert own.log_regions() == ["eu-west-1", "us-east-1"]
