"""Figures of `up --watch`: from saving a file to the new code answering."""

from __future__ import annotations

import http.client
import itertools
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator.setup import substitutes
from tests.bench.harness import Figure, free_port, paired, seconds

COMMAND = Path(sys.executable).with_name("copilot-local")
EXAMPLE = Path(__file__).parents[2] / "examples" / "nginx-sidecar" / "hello"
TIMEOUT = 60.0
PAIRS = 9

MANIFEST = """
name: hello
type: Load Balanced Web Service
image:
  build: hello/Dockerfile
  port: 3000
http:
  path: '/'
  healthcheck: '/api/health-check'
cpu: 256
memory: 512
"""
SYNC = """
[[sync]]
service = "hello"
source = "./hello/answer"
target = "/app/answer"
"""


def figures() -> Iterator[Figure]:
    with _program(sync=False) as (folder, port), _by_hand() as run_by_hand:
        yield paired(
            "from saving a file to the new code answering, `up --watch`",
            lambda: _save_and_wait(folder / "hello", port, lambda: None),
            run_by_hand,
            against="`docker build` and `docker run` by hand",
            bound=1.3,
            pairs=PAIRS,
        )
    with _program(sync=True) as (folder, port):
        saves = [seconds(lambda: _save_and_wait(folder / "hello", port, lambda: None)) for _ in range(PAIRS)]
    yield Figure(
        "from saving a file of a `[[sync]]` rule to the new code answering",
        statistics.median(saves),
        1.0,
        "s",
        "the wanted time",
        1.0,
        note=f"{PAIRS} times",
    )


@contextmanager
def _program(*, sync: bool) -> Iterator[tuple[Path, int]]:
    """A service that is watched, and where it answers."""
    with tempfile.TemporaryDirectory() as name:
        folder, port, app = Path(name), free_port(), f"bench-{uuid.uuid4().hex[:8]}"
        manifest = folder / "copilot" / "hello" / "manifest.yml"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(MANIFEST, encoding="utf-8")
        shutil.copytree(EXAMPLE, folder / "hello")
        if sync:
            (folder / "copilot-local.toml").write_text(SYNC, encoding="utf-8")
        process = subprocess.Popen(
            [str(COMMAND), "up", "--watch", "-a", app, "--port", str(port)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _until_answers(port, "hello")
            _save_and_wait(folder / "hello", port, lambda: None)
            yield folder, port
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(TIMEOUT)
            _docker([str(COMMAND), "down", "-v", "-a", app, "-e", "test"], folder)


@contextmanager
def _by_hand() -> Iterator[Callable[[], None]]:
    """The same service without us: what a user would type after each save."""
    with tempfile.TemporaryDirectory() as name:
        folder, tag = Path(name) / "hello", f"bench-{uuid.uuid4().hex[:8]}"
        shutil.copytree(EXAMPLE, folder)
        dockerfile = folder / "Dockerfile"
        text = dockerfile.read_text(encoding="utf-8")
        for reference, stand_in in substitutes.read().items():
            text = text.replace(f"FROM {reference}\n", f"FROM {stand_in}\n")
        dockerfile.write_text(text, encoding="utf-8")

        runs = itertools.count()

        def build_and_run() -> None:
            # The one before goes on running until the end: removing it is no part of what is measured.
            port, name = free_port(), f"{tag}-{next(runs)}"

            def commands() -> None:
                _docker(["docker", "build", "-q", "-t", tag, "."], folder)
                _docker(["docker", "run", "-d", "--name", name, "-p", f"127.0.0.1:{port}:3000", tag], folder)

            _save_and_wait(folder, port, commands)

        try:
            yield build_and_run
        finally:
            _docker(["docker", "rm", "-f", *(f"{tag}-{number}" for number in range(next(runs)))], Path(name))
            _docker(["docker", "rmi", "-f", tag], Path(name))


_words = (f"word{number}" for number in itertools.count())


def _save_and_wait(folder: Path, port: int, then: Callable[[], None]) -> None:
    """Makes the program answer another word, and waits until it does."""
    word = next(_words)
    file = folder / "answer"
    text = (EXAMPLE / "answer").read_text(encoding="utf-8").replace("hello from", f"{word} from")
    file.write_text(text, encoding="utf-8")
    then()
    _until_answers(port, word)


def _until_answers(port: int, word: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while word not in _get(port):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{word} was not answered within {TIMEOUT:g} s")
        time.sleep(0.005)


def _get(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/x")
        return connection.getresponse().read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def _docker(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
