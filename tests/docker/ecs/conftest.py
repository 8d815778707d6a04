"""Plain task definitions on a real daemon: what ECS says of them, and what Docker and the containers themselves see.

Times are short: the settings of these projects let them be shorter than ECS takes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.docker.project import MakeProject, Project, Result, docker, wait_until

SETTINGS = "[time]\necs_limits = false\nstart_timeout = 60\n"
FOREVER = "trap 'exit 0' TERM; sleep 3600 & wait"
"""A shell script that ends at SIGTERM."""
IMAGE = "busybox:1.37"

Containers = Mapping[str, Mapping[str, Any]]


def script(text: str, **fields: Any) -> dict[str, Any]:
    """A container of busybox that runs a shell script."""
    return {"image": IMAGE, "command": ["sh", "-c", text], **fields}


class Tasks:
    """An environment that runs one plain task definition, family `demo`."""

    def __init__(self, project: Project) -> None:
        self.project = project
        project.write("copilot-local.toml", SETTINGS)

    def define(self, containers: Containers, **task: Any) -> None:
        """Writes the task definition."""
        rows = [{"name": name, **fields} for name, fields in containers.items()]
        document = {"family": "demo", "networkMode": "awsvpc", "containerDefinitions": rows, **task}
        self.project.write("td.json", json.dumps(document, indent=2))

    def up(self, containers: Containers, *options: str, **task: Any) -> Result:
        """`up -d`, which must succeed."""
        self.define(containers, **task)
        return self.try_up(*options).ok()

    def try_up(self, *options: str) -> Result:
        return self.project.run("up", "-d", "--port", str(self.project.port), "--task-definition", "td.json", *options)

    def describe(self) -> list[dict[str, Any]]:
        """What `inspect` prints of every task, the ones that stopped too, oldest first."""
        found: list[dict[str, Any]] = json.loads(self.project.run("inspect", "-e", "test").ok().out)["tasks"]
        return found

    def newest(self) -> dict[str, Any]:
        return self.describe()[-1]

    def containers(self) -> dict[str, dict[str, Any]]:
        """DescribeTasks' containers of the newest task, by name."""
        return {container["name"]: container for container in self.newest()["containers"]}

    def id(self) -> str:
        """The newest task's id."""
        return str(self.newest()["taskArn"]).rpartition("/")[2]

    def until(self, holds: Callable[[dict[str, dict[str, Any]]], bool], what: str) -> None:
        """Until something holds of the newest task's containers."""
        wait_until(lambda: self._holds(holds), lambda: f"{what}: {json.dumps(self.newest(), indent=1)}")

    def _holds(self, holds: Callable[[dict[str, Any]], bool]) -> bool:
        try:
            return holds(self.containers())
        except KeyError:  # a task that was just made has no containers yet
            return False

    def inspect(self, name: str) -> dict[str, Any]:
        """`docker inspect` of a container by its name in the task definition, or by its role."""
        found: dict[str, Any] = json.loads(docker("inspect", self.docker_name(name)))[0]
        return found

    def docker_name(self, name: str) -> str:
        for container in self.project.containers():
            if container.labels.get("copilot-local.container", container.role) == name:
                return container.name
        raise AssertionError(f"there is no {name}")

    def sh(self, name: str, text: str) -> str:
        """What a shell script prints in a container."""
        return docker("exec", self.docker_name(name), "sh", "-c", text)


@pytest.fixture
def tasks(make_project: MakeProject) -> Tasks:
    """For a test of its own."""
    return Tasks(make_project(""))


@pytest.fixture(scope="module")
def shared_tasks(make_shared_project: MakeProject) -> Tasks:
    """For the tests of a module that only look."""
    return Tasks(make_shared_project(""))
