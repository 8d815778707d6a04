"""Containers through the `docker` command, as the set-up itself uses it."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Callable, Iterator

import pytest

from emulator.setup import substitutes

Docker = Callable[..., str]


def docker_command(*arguments: str) -> str:
    """Runs `docker` and returns what it printed on both streams; raises AssertionError where it fails."""
    done = subprocess.run(
        ["docker", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"docker {' '.join(arguments)}: code {done.returncode}\n{done.stdout}")
    return done.stdout


@pytest.fixture(scope="session")
def docker() -> Docker:
    return docker_command


@pytest.fixture(scope="session")
def image() -> Callable[[str], str]:
    """The local image for a reference: the real one, or what the set-up put in its place."""
    table = substitutes.read()
    return lambda reference: table.get(reference, reference)


@pytest.fixture
def start() -> Iterator[Callable[..., str]]:
    """Starts a detached container with those arguments; it is removed at the end."""
    names: list[str] = []

    def run(*arguments: str) -> str:
        names.append(f"setup-test-{uuid.uuid4().hex[:12]}")
        docker_command("run", "--detach", "--name", names[-1], *arguments)
        return names[-1]

    yield run
    for name in names:
        docker_command("rm", "--force", "--volumes", name)


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], str]], str]:
    """Repeats a call until it stops failing; its last failure after 20 s."""

    def wait(call: Callable[[], str]) -> str:
        deadline = time.monotonic() + 20
        while True:
            try:
                return call()
            except (AssertionError, OSError):
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)  # a look takes a process

    return wait
