"""What end-to-end tests are made of: projects in a folder of their own, run by `copilot-local` as a user runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.docker.project import (
    COMMAND,
    DEADLINE,
    ROOT,
    Container,
    DockerEvents,
    MakeProject,
    Project,
    Result,
    Running,
    docker,
    free_port,
    projects,
    wait_until,
)

__all__ = [
    "COMMAND",
    "DEADLINE",
    "ROOT",
    "Container",
    "DockerEvents",
    "MakeProject",
    "Project",
    "Result",
    "Running",
    "docker",
    "free_port",
    "make_project",
    "make_shared_project",
    "wait_until",
]

make_project = pytest.fixture(projects, name="make_project")
"""Makes copies of examples. What runs of them is taken down after the test, and nothing may be left then."""
make_shared_project = pytest.fixture(projects, scope="module", name="make_shared_project")
"""The same for a module."""


@pytest.fixture
def empty(make_project: MakeProject) -> Project:
    """A folder with nothing in it."""
    return make_project("")


@pytest.fixture
def nginx(make_project: MakeProject) -> Project:
    """A copy of examples/nginx-sidecar."""
    return make_project("nginx-sidecar")


@pytest.fixture
def firelens(make_project: MakeProject) -> Project:
    """A copy of examples/firelens-cloudwatch."""
    return make_project("firelens-cloudwatch")


@pytest.fixture
def watch() -> Iterator[Callable[[Project], DockerEvents]]:
    """Starts to watch the events of a project."""
    watching: list[DockerEvents] = []

    def start(project: Project) -> DockerEvents:
        watching.append(DockerEvents(project))
        return watching[-1]

    yield start
    for events in watching:
        events.close()
