"""Plain task definitions on a real daemon: what ECS says of them, and what Docker and the containers themselves see.

Times are short: the settings of these projects let them be shorter than ECS takes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest

from emulator.engine.interface import Engine
from emulator.runtime.control.kept import KeptAgent
from emulator.runtime.state.names import Names
from tests.docker.project import MakeProject, Project, Result, daemon, docker, wait_until

SETTINGS = "[time]\necs_limits = false\nstart_timeout = 60\n"
FOREVER = "trap 'exit 0' TERM; sleep 3600 & wait"
"""A shell script that ends at SIGTERM."""
IMAGE = "busybox:1.37"

Containers = Mapping[str, Mapping[str, Any]]


def script(text: str, **fields: Any) -> dict[str, Any]:
    """A container of busybox that runs a shell script."""
    return {"image": IMAGE, "command": ["sh", "-c", text], **fields}


def agent_of(project: Project, engine: Engine) -> KeptAgent:
    """The agent of its environment, for what is waited for: it says what `inspect` prints, and starts no process."""
    return KeptAgent(engine, Names(project.app, "test"))


class Tasks:
    """An environment that runs one plain task definition, family `demo`."""

    def __init__(self, project: Project, agent: KeptAgent) -> None:
        self.project = project
        self._agent = agent
        project.write("copilot-local.toml", SETTINGS)

    def define(self, containers: Containers, **task: Any) -> None:
        """Writes the task definition."""
        rows = [{"name": name, **fields} for name, fields in containers.items()]
        document = {"family": "demo", "networkMode": "awsvpc", "containerDefinitions": rows, **task}
        self.project.write("td.json", json.dumps(document, indent=2))

    def up(self, containers: Containers, *options: str, **task: Any) -> Result:
        """`up -d`, which must succeed, until nothing is left of the task before."""
        self.define(containers, **task)
        result = self.try_up(*options).ok()
        wait_until(lambda: self.project.tasks() == {self.id()}, lambda: f"one task: {self.project.containers()}")
        return result

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
        return by_name(self.newest())

    def id(self) -> str:
        """The newest task's id."""
        return id_of(self._agent.tasks()[-1])

    def until(self, holds: Callable[[dict[str, dict[str, Any]]], bool], what: str) -> None:
        """Until something holds of the newest task's containers."""
        wait_until(lambda: self._holds(holds), lambda: f"{what}: {json.dumps(self.newest(), indent=1)}")

    def _holds(self, holds: Callable[[dict[str, Any]], bool]) -> bool:
        try:
            return holds(by_name(self._agent.tasks()[-1]))
        except KeyError:  # a task that was just made has no containers yet
            return False

    def stopped(self, task: str) -> dict[str, Any]:
        """What `inspect` prints of a task once it has stopped."""

        def has_stopped() -> bool:
            return any(id_of(one) == task and one["lastStatus"] == "STOPPED" for one in self._agent.tasks())

        wait_until(has_stopped, f"the end of task {task}")
        [found] = [one for one in self.describe() if id_of(one) == task]
        return found

    def inspect(self, name: str) -> dict[str, Any]:
        """What Docker says of a container, by its name in the task definition, or by its role."""
        with daemon() as client:
            found: dict[str, Any] = client.inspect_container(self.docker_name(name))
        return found

    def docker_name(self, name: str) -> str:
        """Of the newest task."""
        task = self.id()
        for container in self.project.containers():
            if container.task == task and container.labels.get("copilot-local.container", container.role) == name:
                return container.name
        raise AssertionError(f"there is no {name}")

    def sh(self, name: str, text: str) -> str:
        """What a shell script prints in a container."""
        return docker("exec", self.docker_name(name), "sh", "-c", text)


def by_name(task: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {container["name"]: container for container in task["containers"]}


def id_of(task: Mapping[str, Any]) -> str:
    return str(task["taskArn"]).rpartition("/")[2]


@pytest.fixture
def tasks(make_project: MakeProject, engine: Engine) -> Iterator[Tasks]:
    """For a test of its own."""
    project = make_project("")
    with closing(agent_of(project, engine)) as agent:
        yield Tasks(project, agent)


@pytest.fixture(scope="module")
def shared_tasks(make_shared_project: MakeProject, engine: Engine) -> Iterator[Tasks]:
    """For the tests of a module that only look, or that each run a task definition of their own there."""
    project = make_shared_project("")
    with closing(agent_of(project, engine)) as agent:
        yield Tasks(project, agent)
