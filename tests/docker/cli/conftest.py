"""The command as a user runs it: a process, in a copy of an example, with an application of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from emulator.engine.interface import Engine
from tests.docker.project import built_for, free_port

EXAMPLES = Path(__file__).parents[3] / "examples"
TIMEOUT = 60.0


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Shell:
    """Runs `copilot-local` in `folder` for the application `app`."""

    folder: Path
    app: str
    engine: Engine
    port: int
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def labels(self) -> dict[str, str]:
        return {"copilot-local.app": self.app}

    def run(self, *arguments: str) -> Ended:
        ended = subprocess.run(
            self._command(arguments),
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def up(self, *arguments: str) -> Ended:
        return self.run("up", "--port", str(self.port), *arguments)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts a command that stays."""
        process = subprocess.Popen(
            self._command(arguments),
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.running.append(process)
        return process

    def left(self) -> dict[str, list[str]]:
        """What is there of the application."""
        return {
            "containers": [container.name for container in self.engine.list_containers(self.labels)],
            "networks": self.engine.list_networks(self.labels),
            "volumes": sorted(self.engine.list_volumes(self.labels)),
        }

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=10, verify=False)

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Waits until something holds; fails with what it was."""
        deadline = time.monotonic() + TIMEOUT
        while not holds():
            for process in self.running:
                assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline, f"{what}: not within {TIMEOUT:.0f} s"
            time.sleep(0.1)

    def answers(self, path: str, status: int = 200) -> bool:
        try:
            return self.get(path).status_code == status
        except httpx.TransportError:
            return False

    def routed(self) -> list[dict[str, str]]:
        """The records that left the log router."""
        return [json.loads(line) for line in self.run("logs", "--routed").out.splitlines()]

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-c", "import sys; from emulator.cli.main import main; sys.exit(main())", *arguments]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "COPILOT_LOCAL_APP": self.app, "NO_COLOR": "1"}


@pytest.fixture
def example(engine: Engine, tmp_path: Path) -> Iterator[Callable[[str], Shell]]:
    """A copy of an example to run commands in. Everything of it is removed at the end."""
    shells: list[Shell] = []

    def copy(name: str) -> Shell:
        folder = tmp_path / name
        shutil.copytree(EXAMPLES / name, folder)
        shell = Shell(folder, built_for(f"cl-{uuid.uuid4().hex[:8]}"), engine, free_port())
        shells.append(shell)
        return shell

    yield copy
    for shell in shells:
        for process in shell.running:
            if process.poll() is None:
                process.kill()
            process.communicate()
        shell.run("down", "-v", "-t", "1", "-e", "test")
        assert shell.left() == {"containers": [], "networks": [], "volumes": []}
