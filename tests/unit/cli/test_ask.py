"""`--secrets ask`: the user at a terminal is asked, without echo."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

COMMAND = Path(sys.executable).parent / "copilot-local"
MANIFEST = """\
name: hello
type: Backend Service
image: {location: busybox}
secrets: {TOKEN: /prod/token}
"""


class Terminal:
    """`copilot-local up --secrets ask` as the user at a terminal sees it. No Docker daemon answers it."""

    def __init__(self, folder: Path) -> None:
        self._master, slave = pty.openpty()
        words = [str(COMMAND), "up", "--secrets", "ask"]
        self.process = subprocess.Popen(
            words, cwd=folder, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.seen = ""

    def until(self, text: str) -> None:
        while text not in self.seen:
            self._read()

    def until_it_reads(self) -> None:
        """Python hears of a signal that comes just before it begins to read when it has read something."""
        state = Path(f"/proc/{self.process.pid}/stat")
        deadline = time.monotonic() + 60
        while state.read_text().rpartition(")")[2].split()[0] != "S":
            assert time.monotonic() < deadline, "it never waits for what is typed"
            time.sleep(0.01)

    def type(self, text: str) -> None:
        os.write(self._master, f"{text}\n".encode())

    def end(self) -> int:
        try:
            while True:
                self._read()
        except OSError:  # Linux: the other end is closed
            return self.process.wait(30)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def _read(self) -> None:
        ready, _, _ = select.select([self._master], [], [], 60)
        assert ready, f"nothing more came after {self.seen!r}"
        self.seen += os.read(self._master, 4096).decode()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    file = tmp_path / "copilot" / "hello" / "manifest.yml"
    file.parent.mkdir(parents=True)
    file.write_text(MANIFEST)
    return tmp_path


@pytest.fixture
def terminal(workspace: Path) -> Iterator[Terminal]:
    terminal = Terminal(workspace)
    yield terminal
    terminal.close()


def test_what_is_typed_is_not_shown(terminal: Terminal) -> None:
    terminal.until("TOKEN of hello/hello (/prod/token): ")  # the last blank comes once the echo is off
    terminal.type("very-secret")
    assert terminal.end() == 125  # it went on, to look for Docker
    assert "very-secret" not in terminal.seen


def test_a_user_who_gives_up_is_left_alone(terminal: Terminal) -> None:
    terminal.until("TOKEN of hello/hello (/prod/token): ")
    terminal.until_it_reads()
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "Traceback" not in terminal.seen


def test_without_a_terminal_it_says_so(run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace)
    ended = run("up", "--secrets", "ask")
    assert ended.code == 1
    assert "TOKEN (hello): /prod/token" in ended.err
    assert "--secrets ask needs a terminal" in ended.err


def test_another_source_is_a_usage_error(run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace)
    ended = run("up", "--secrets", "vault")
    assert ended.code == 2
    assert "--secrets does not know 'vault'" in ended.err


def test_all_missing_secrets_are_listed_with_their_lines(
    run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)
    file = workspace / "copilot" / "hello" / "manifest.yml"
    file.write_text(MANIFEST + "sidecars:\n  s:\n    image: s\n    secrets:\n      KEY: {secretsmanager: 'db:key::'}\n")
    ended = run("up")
    assert ended.code == 1
    lines = ended.err.splitlines()
    assert lines[0] == "error: 2 things are missing here: 2 secrets"
    assert lines[1].startswith("  secrets (ResourceInitializationError: unable to pull secrets or registry auth): ")
    assert "    copilot/hello/manifest.yml:4: TOKEN (hello): /prod/token" in lines
    where = "arn:aws:secretsmanager:us-east-1:000000000000:secret:db:key::"
    assert f"    copilot/hello/manifest.yml:9: KEY (hello): {where}" in lines
