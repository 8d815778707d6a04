"""The file that the containers of a task share is written over while they read it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from emulator.engine.interface import ContainerSpec
from emulator.runtime.specs.connect.names import HOSTS_READY
from emulator.runtime.specs.service_connect import WRITE_HOSTS
from tests.docker.project import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.engine.interface import Engine
    from tests.docker.conftest import DockerLab

pytestmark = pytest.mark.docker

PAUSE = f'echo "127.0.0.1 localhost" > /etc/hosts; : > {HOSTS_READY}; exec tail -f /dev/null'
READ = """
import os
looks, problems = 0, set()
open("/tmp/begun", "w").close()
while not os.path.exists("/tmp/end"):
    with open("/etc/hosts", "rb", buffering=0) as file:
        found = file.read(65536)
    looks += 1
    if not found.startswith(b"127.0.0.1 localhost\\n10.0.0.0 name0 # Service Connect\\n"):
        problems.add(found)
print(looks, sorted(problems))
"""
"""Reads as a resolver does, and prints how often and what was wrong."""
WRITE_EACH = (
    'write=$1; shift; for lines; do sh -c "$write" hosts "$lines" && cat /etc/hosts && echo --- || exit 1; done'
)
"""Writes one text after the other, and prints what is there then: in one process of Docker's, as the reader never
rests."""


def test_what_stays_is_always_there_and_so_are_lines_of_others(
    lab: DockerLab, engine: Engine, local_image: Callable[[str], str]
) -> None:
    """An image's entry point may add some."""
    pause = lab.run("pause", command=("sh", "-c", PAUSE))
    python = local_image("python:3.13-slim")
    spec = ContainerSpec(
        name=lab.name("member"),
        image=python,
        labels=lab.spec("member").labels,
        command=("sleep", "3600"),
        network=f"container:{pause}",
        init=True,
    )
    member = engine.create_container(spec)
    engine.start(member)
    printed: list[bytes] = []

    def write(*texts: str) -> list[str]:
        """What was in the file after each."""
        done = engine.exec(pause, ["sh", "-c", WRITE_EACH, "hosts", WRITE_HOSTS, *texts])
        assert done.exit_code == 0, done.stderr
        *found, rest = done.stdout.decode().split("---\n")
        assert rest == ""
        return found

    def read() -> None:
        printed.append(engine.exec(member, ["python3", "-c", READ], timeout=60).stdout)

    def names(count: int) -> str:
        return "".join(f"10.0.0.{number} name{number} # Service Connect\n" for number in range(count))

    write(names(1))
    reader = threading.Thread(target=read)
    reader.start()
    wait_until(lambda: engine.exec(member, ["ls", "/tmp/begun"]).exit_code == 0, "its first look")
    texts = [names(count) for last in (3, 9, 1, 2) for count in (3, 9, 1, 2, last)]
    assert write(*texts) == [f"127.0.0.1 localhost\n{text}" for text in texts]
    found = engine.exec(member, ["sh", "-c", "touch /tmp/end; cat /etc/hosts"]).stdout.decode()
    assert found == f"127.0.0.1 localhost\n{texts[-1]}"
    reader.join(60)
    looks, _, problems = printed[0].decode().strip().partition(" ")
    assert problems == "[]"
    assert int(looks) > 100

    write("10.0.0.1 api # Service Connect\n10.0.0.2 api # Service Connect\n")
    engine.exec(pause, ["sh", "-c", "echo 10.9.9.9 mine >> /etc/hosts"])
    [found] = write("10.0.0.3 api # Service Connect\n")
    assert found.splitlines() == ["127.0.0.1 localhost", "10.9.9.9 mine", "10.0.0.3 api # Service Connect"]
