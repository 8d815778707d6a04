"""The agent container's end of `docker exec`: standard streams joined to the control socket."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.agent.api import bridge
from emulator.runtime.control.http import request
from tests.unit.agent.rig import Rig
from tests.unit.runtime.world import desired_state, make_service


def bridge_to(path: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "emulator.agent.api.bridge", str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_request_and_its_answer_pass(rig: Rig) -> None:
    rig.boot(desired_state(make_service()))
    with bridge_to(rig.socket) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request("GET", "status", last=True))
        process.stdin.flush()
        head, body = process.stdout.read().split(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert json.loads(body)["held"] is False
        assert process.wait(10) == 0, "it ends with the connection"


def test_it_waits_for_an_agent_that_is_only_starting(rig: Rig) -> None:
    with bridge_to(rig.socket) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request("GET", "status", last=True))
        process.stdin.flush()
        rig.boot(desired_state(make_service()))
        assert process.stdout.readline() == b"HTTP/1.1 200 OK\r\n"


def test_the_other_ends_departure_reaches_the_agent(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "agent.sock"))
        listener.listen()
        with bridge_to(folder / "agent.sock") as process:
            connection, _ = listener.accept()
            with connection:
                assert process.stdin is not None
                process.stdin.close()
                assert connection.recv(10) == b""
            assert process.wait(10) == 0


def test_an_agent_that_never_listens_is_told(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert bridge.main(str(folder / "agent.sock"), timeout=0.0) == 1
    assert "agent.sock: [Errno 2] No such file or directory" in capfd.readouterr().err
