"""The command as a user runs it: a process, in a folder and with an application of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from emulator.engine.interface import Engine
from tests.docker.project import built_for, free_port

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


HELLO = """
name: hello
type: Load Balanced Web Service
image:
  build: hello/Dockerfile
  port: 3000
http:
  path: 'api'
  healthcheck: '/api/health-check'
"""
DOCKERFILE = """
FROM busybox:1.37
COPY start /app/
RUN mkdir -p /www/api && echo healthy > /www/api/health-check
CMD ["/app/start"]
"""
START = """#!/bin/sh
trap exit TERM INT
httpd -f -p 3000 -h /www &
echo "listening on port 3000"
wait
"""


class Shells:
    """Makes folders to run commands in. Everything of them is removed at the end."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self.engine = engine
        self.made: list[Shell] = []

    def make(self, files: Mapping[str, str]) -> Shell:
        """One with these files."""
        for name, text in files.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755 if text.startswith("#!") else 0o644)
        self.made.append(Shell(self.folder, built_for(f"cl-{uuid.uuid4().hex[:8]}"), self.engine, free_port()))
        return self.made[-1]

    def remove(self) -> None:
        nothing: dict[str, list[str]] = {"containers": [], "networks": [], "volumes": []}
        for shell in self.made:
            for process in shell.running:
                if process.poll() is None:
                    process.kill()
                process.communicate()
            if shell.left() != nothing:
                shell.run("down", "-v", "-t", "1", "-e", "test")
            assert shell.left() == nothing


@pytest.fixture
def shell(engine: Engine, tmp_path: Path) -> Iterator[Shell]:
    """A service of one container behind a load balancer, which is built."""
    shells = Shells(tmp_path, engine)
    yield shells.make(
        {"copilot/hello/manifest.yml": HELLO, "hello/Dockerfile": DOCKERFILE, "hello/start": START},
    )
    shells.remove()
