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
WRITE_EACH = 'write=$1; shift; for lines; do sh -c "$write" hosts "$lines" || exit 1; done'
"""Writes one text after the other, in one process of Docker's."""


def test_what_stays_is_always_there(lab: DockerLab, engine: Engine, local_image: Callable[[str], str]) -> None:
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

    def write(*counts: int) -> None:
        texts = [
            "".join(f"10.0.0.{number} name{number} # Service Connect\n" for number in range(count)) for count in counts
        ]
        done = engine.exec(pause, ["sh", "-c", WRITE_EACH, "hosts", WRITE_HOSTS, *texts])
        assert done.exit_code == 0, done.stderr
        assert engine.exec(member, ["cat", "/etc/hosts"]).stdout.decode() == "127.0.0.1 localhost\n" + texts[-1]

    def read() -> None:
        printed.append(engine.exec(member, ["python3", "-c", READ], timeout=60).stdout)

    write(1)
    reader = threading.Thread(target=read)
    reader.start()
    wait_until(lambda: engine.exec(member, ["ls", "/tmp/begun"]).exit_code == 0, "its first look")
    for last in (3, 9, 1, 2):
        write(3, 9, 1, 2, last)
    engine.exec(member, ["touch", "/tmp/end"])
    reader.join(60)
    looks, _, problems = printed[0].decode().strip().partition(" ")
    assert problems == "[]"
    assert int(looks) > 100


def test_lines_of_others_stay(lab: DockerLab, engine: Engine) -> None:
    """An image's entry point may add some."""
    pause = lab.run("pause", command=("sh", "-c", PAUSE))

    def write(lines: str) -> None:
        assert engine.exec(pause, ["sh", "-c", WRITE_HOSTS, "hosts", lines]).exit_code == 0

    write("10.0.0.1 api # Service Connect\n10.0.0.2 api # Service Connect\n")
    engine.exec(pause, ["sh", "-c", "echo 10.9.9.9 mine >> /etc/hosts"])
    write("10.0.0.3 api # Service Connect\n")
    found = engine.exec(pause, ["cat", "/etc/hosts"]).stdout.decode().splitlines()
    assert found == ["127.0.0.1 localhost", "10.9.9.9 mine", "10.0.0.3 api # Service Connect"]
