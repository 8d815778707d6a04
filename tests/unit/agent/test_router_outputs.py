from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from emulator.agent.log_relay import router_outputs
from emulator.agent.log_relay.router_outputs import OTHERS, SAME, SILENT, told_outputs

ANSWERS = {
    "/none": b"",
    "/starting": b'{"input": {}}',
    "/two": json.dumps({"output": {"null.0": {}, "http.1": {}}}).encode(),
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(ANSWERS[self.path])

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def address() -> Iterator[str]:
    """The address of a server that tells what a router would."""
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_outputs_are_told_without_their_numbers() -> None:
    body = json.dumps({"input": {}, "output": {"file.1": {}, "http.10": {}, "my.alias": {}, "file.0": {}}})
    assert told_outputs(body.encode()) == ["file", "file", "http", "my.alias"]
    assert told_outputs(b"not yet") is None


def test_the_same_outputs_are_fine(address: str) -> None:
    assert router_outputs.main(f"{address}/two", "60", "null", "http") == SAME


@pytest.mark.parametrize("expected", [["null"], ["null", "http", "http"], ["null", "file"], []])
def test_others_are_printed(address: str, expected: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert router_outputs.main(f"{address}/two", "60", *expected) == OTHERS
    assert json.loads(capsys.readouterr().out) == ["http", "null"]


@pytest.mark.parametrize("path", ["/none", "/starting"])
def test_a_router_that_tells_nothing_is_no_answer(address: str, path: str) -> None:
    assert router_outputs.main(f"{address}{path}", "0", "null") == SILENT


def test_neither_is_one_that_is_not_there() -> None:
    assert router_outputs.main("http://127.0.0.1:9/", "0", "null") == SILENT
