"""What is said where `[aws] endpoint = "URL"` names what cannot take the endpoint's place."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from emulator.aws import prepare


class _Fixed(BaseHTTPRequestHandler):
    status, text = 200, b""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.text)))
        self.end_headers()
        self.wfile.write(self.text)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def fixed() -> Iterator[str]:
    """The URL of a server that answers everything alike, by `_Fixed`."""
    server = HTTPServer(("127.0.0.1", 0), _Fixed)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def said(url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, str]:
    """The error of a request for an endpoint that is served at `url`."""

    def client(service: str, region: str) -> Any:
        session = botocore.session.Session()
        session.set_credentials("local", "local")
        config = Config(retries={"max_attempts": 0})
        return session.create_client(service, region_name=region, endpoint_url=url, config=config)

    monkeypatch.setattr(prepare, "client", client)
    monkeypatch.setattr(prepare, "_open", lambda port: True)
    request = {"other": "http://other:4566", "other_position": "copilot-local.toml:2", "account": "111111111111"}
    assert prepare.main(request, folder / "seed", folder / "made.json") == prepare.REFUSED
    error: dict[str, str] = json.loads(capsys.readouterr().out)["error"]
    assert error["position"] == "copilot-local.toml:2"
    assert list(folder.iterdir()) == []
    return error


def test_an_endpoint_of_another_account(
    served: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    error = said(served, capsys, monkeypatch, tmp_path)
    assert error["message"].startswith("the account at http://other:4566 is 000000000000, and")
    assert "MOTO_ACCOUNT_ID=111111111111" in error["hint"]


@pytest.mark.parametrize(
    ("status", "text", "message"),
    [
        (200, b"hello", "what answers at http://other:4566 is no AWS endpoint"),
        (200, b"<html></html>", "what answers at http://other:4566 is no AWS endpoint"),
        (503, b"<html></html>", "nothing answers at http://other:4566"),
        (501, b"<html></html>", "http://other:4566 refuses sts:GetCallerIdentity: 501"),
    ],
)
def test_what_is_no_endpoint(
    fixed: str,
    status: int,
    text: bytes,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(_Fixed, "status", status)
    monkeypatch.setattr(_Fixed, "text", text)
    assert said(fixed, capsys, monkeypatch, tmp_path)["message"] == message


def test_who_reads_what_it_keeps_while_it_is_written_sees_it_whole(tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text('{"region": "before"}')
    with file.open() as reader:
        prepare._write(file, {"region": "after"})
        assert json.load(reader) == {"region": "before"}
    assert json.loads(file.read_text()) == {"region": "after"}
    assert list(tmp_path.iterdir()) == [file]


SERVICES = {
    "labels": {"queues": {"worker": "a-t-worker"}},
    "topics": [{"name": "a-t-api-orders"}],
    "region": "eu-west-1",
}
JOB = {"labels": {"queues": {"job": "a-t-job"}}, "topics": [], "region": "eu-west-1", "exports": {"Word": "said"}}


@pytest.mark.parametrize(
    ("adds", "kept"),
    [
        (False, JOB),
        (
            True,
            {
                "labels": {"queues": {"worker": "a-t-worker", "job": "a-t-job"}},
                "topics": [{"name": "a-t-api-orders"}],
                "region": "eu-west-1",
                "exports": {"Word": "said"},
            },
        ),
    ],
    ids=["services", "a-task-beside-them"],
)
def test_a_task_beside_services_leaves_what_is_known_of_theirs(
    adds: bool, kept: dict[str, Any], tmp_path: Path
) -> None:
    new, file = tmp_path / "request.json.new", tmp_path / "request.json"
    file.write_text(json.dumps(SERVICES))
    asked = {**JOB, "secrets": {"token": "secret"}, "parameters": {}, **({"adds": True} if adds else {})}
    new.write_text(json.dumps(asked))
    assert prepare.take(new, file) == asked
    assert json.loads(file.read_text()) == kept
    assert list(tmp_path.iterdir()) == [file]


def test_the_first_task_needs_no_services_before_it(tmp_path: Path) -> None:
    new, file = tmp_path / "request.json.new", tmp_path / "request.json"
    new.write_text(json.dumps({**JOB, "adds": True}))
    prepare.take(new, file)
    assert json.loads(file.read_text()) == JOB
