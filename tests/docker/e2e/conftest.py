"""What end-to-end tests are made of: projects in a folder of their own, run by `copilot-local` as a user runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docker.project import DockerEvents, MakeProject, Project


class Beside(Project):
    """A folder of its own for an environment in which something runs."""

    def __init__(self, folder: Path, runs: Project) -> None:
        super().__init__(folder)
        self.app = runs.app
        self._there = sorted(super().everything())

    def everything(self) -> list[str]:
        """What is there now and was not, or was there and is not now."""
        return sorted({*self._there} ^ {*super().everything()})


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
