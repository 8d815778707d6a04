"""What tests over a real Docker daemon share: one engine a session, and things that are gone when a test ends.

Most run `copilot-local` as a user does, in a project that is a copy of an example.
"""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from emulator.engine.connect import connect
from emulator.engine.interface import ContainerSpec, Engine
from emulator.setup import substitutes
from tests.docker.project import projects, remove_built_images
from tests.unit.engine.contract import Act, Lab

LABEL = "copilot-local-test"

make_project = pytest.fixture(projects, name="make_project")
"""Makes copies of examples. What runs of them is taken down after the test, and nothing may be left then."""
make_shared_project = pytest.fixture(projects, scope="module", name="make_shared_project")
"""The same for a module."""


@pytest.fixture(scope="session", autouse=True)
def built_images() -> Iterator[None]:
    """What tests build is removed at the end."""
    yield
    remove_built_images()


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The daemon that the docker command talks to."""
    with_docker = connect()
    yield with_docker
    with_docker.close()


@pytest.fixture(scope="session")
def local_image() -> Callable[[str], str]:
    """The local image for a reference: the reference itself, or what the set-up put in its place."""
    table = substitutes.read()
    return lambda reference: table.get(reference, reference)


@pytest.fixture(scope="session")
def busybox(local_image: Callable[[str], str]) -> str:
    return local_image("busybox:1.37")


class DockerLab(Lab):
    """Containers of busybox; `acting` gives them a shell script."""

    def __init__(self, engine: Engine, prefix: str, image: str) -> None:
        super().__init__(engine, prefix)
        self.image = image

    def acting(self, spec: ContainerSpec, act: Act) -> ContainerSpec:
        words = ["trap '' TERM" if act.deaf else ":"]
        words += [f"echo {shlex.quote(line)}" for line in act.prints]
        words.append("exec sleep 3600" if act.exits is None else f"exit {act.exits}")
        image = self.image if spec.image == "busybox:1.37" else spec.image
        # Docker's own bridge takes as much processor time as the rest of a start, and hardly any test needs it.
        network = spec.network or (None if spec.ports else "none")
        return replace(spec, image=image, network=network, command=spec.command or ("sh", "-c", "; ".join(words)))


def new_prefix() -> str:
    return f"cl-test-{uuid.uuid4().hex[:12]}"


def labs(engine: Engine, prefix: str, image: str) -> Iterator[DockerLab]:
    """Makes containers. Whatever has its label or its prefix is removed at the end."""
    yield DockerLab(engine, prefix, image)
    labels = {LABEL: prefix}
    mine = [row for row in engine.list_containers({}) if row.labels.get(LABEL) == prefix or row.name.startswith(prefix)]
    for row in mine:
        engine.remove(row.id)
    for network in engine.list_networks({}):
        if network.startswith(prefix):
            engine.remove_network(network)
    for volume in engine.list_volumes({}):
        if volume.startswith(prefix):
            engine.remove_volume(volume)
    assert engine.list_containers(labels) == []
    assert engine.list_networks(labels) == []
    assert engine.list_volumes(labels) == {}


@pytest.fixture
def prefix() -> str:
    """Starts the names of everything that a test makes, and is the value of its label."""
    return new_prefix()


@pytest.fixture
def lab(engine: Engine, prefix: str, busybox: str) -> Iterator[DockerLab]:
    """Makes containers for one test."""
    yield from labs(engine, prefix, busybox)


@pytest.fixture(scope="module")
def shared_lab(engine: Engine, busybox: str) -> Iterator[DockerLab]:
    """Makes containers for the tests of a file, which only look at them."""
    yield from labs(engine, new_prefix(), busybox)
