"""An endpoint of the tests' own, on a free port of the loopback interface."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@contextmanager
def endpoint(folder: Path, public_port: int = 0) -> Iterator[str]:
    """The URL of the endpoint that `up` starts, with what it keeps in `folder`. `public_port` is in the URLs that it
    gives out, its own unless it is given. The socket listens before the process does: a first request waits."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        program = str(Path(__file__).with_name("ministack_process.py"))
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, program, str(server.fileno()), str(public_port or port), str(folder)],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                pass_fds=[server.fileno()],
                stdout=log,
                stderr=log,
            )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an endpoint for all tests of a worker."""
    with endpoint(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture
def empty(served: str) -> str:
    """The URL of the endpoint, which has nothing in it."""
    with urllib.request.urlopen(urllib.request.Request(f"{served}/_ministack/reset", method="POST")):
        return served
