from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.agent.relay_rig import Driver, Router, Until
from tests.unit.agent.rig import Rig


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a unix socket in it."""
    path = Path(tempfile.mkdtemp(prefix="cl-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def rig(folder: Path) -> Iterator[Rig]:
    rig = Rig(folder)
    yield rig
    rig.close()
    assert rig.front.problems == []


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Waits until something holds."""

    def wait(holds: Callable[[], object], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "it never came about"
            time.sleep(0.005)

    return wait


@pytest.fixture
def start_router(folder: Path) -> Iterator[Callable[..., Router]]:
    """Starts a router on the folder's `fluent.sock`."""
    started: list[Router] = []

    def start(*, acknowledges: bool = True) -> Router:
        started.append(Router(folder / "fluent.sock", acknowledges=acknowledges))
        return started[-1]

    yield start
    for one in started:
        one.die()


@pytest.fixture
def relay(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A relay that waits for the folder's router."""
    names = ("relay.sock", "fluent.sock", "buffer", "hello.0123.drained", "relay.settled")
    command = ["sh", "-c", 'trap "" USR1; exec "$@"', "sh", sys.executable, "-m", "emulator.agent.log_relay.relay"]
    command += [*(str(folder / name) for name in names), "cluster=demo"]
    with subprocess.Popen(command, text=True, stderr=subprocess.PIPE) as process:
        yield process
        process.terminate()


@pytest.fixture
def driver(folder: Path, relay: subprocess.Popen[str], until: Until) -> Iterator[Driver]:
    """Opens a connection as Docker's log driver does."""
    opened: list[socket.socket] = []

    def connect() -> socket.socket:
        until((folder / "relay.sock").exists)
        connection = socket.socket(socket.AF_UNIX)
        opened.append(connection)
        connection.connect(str(folder / "relay.sock"))
        return connection

    yield connect
    for connection in opened:
        connection.close()
