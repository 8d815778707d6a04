"""What one task gets of another one: nothing, whatever it knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from emulator.agent.metadata import tasks as tasks_module
from emulator.ecs.endpoints import credentials_id
from emulator.ecs.identity import container_id
from emulator.runtime.state.desired import Private
from emulator.runtime.state.task_role import Keys, TaskRole
from tests.unit.agent.metadata.conftest import TASK, World, service

OTHER = "f" * 32
HELLO: dict[str, Any] = {"name": "hello", "image": "hello:1"}
ROLE = TaskRole(source="static", keys=Keys(access_key_id="AKIDEXAMPLE", secret_access_key="a-secret"))
PATHS = [
    "/v4/{id}",
    "/v4/{id}/task",
    "/v4/{id}/stats",
    "/v4/{id}/task/stats",
    "/v3/{id}",
    "/v3/{id}/task",
    "/v3/{id}/stats",
    "/v3/{id}/task/stats",
    "/v2/metadata/{id}",
    "/v2/stats/{id}",
    "/api/{id}/task-protection/v1/state",
    "/v2/credentials/{credentials}",
    "/v1/credentials?id={credentials}",
]


@dataclass
class Two:
    """Two tasks of one service, and the address of each."""

    world: World
    mine: str
    other: str

    def path(self, template: str, task: str) -> str:
        return template.replace("{id}", container_id(task, "hello")).replace("{credentials}", credentials_id(task))


@pytest.fixture
def two(world: World) -> Two:
    wanted = service(HELLO)
    addresses = []
    for task in (TASK, OTHER):
        world.start(wanted, credentials="static", task_id=task)
        addresses.append(world.caller)
    world.private = Private(services={"hello": {}}, task_roles={"hello": ROLE})
    assert addresses[0] != addresses[1]
    return Two(world, *addresses)


@pytest.mark.parametrize("path", PATHS)
def test_a_task_gets_its_own_and_no_other_does(two: Two, path: str) -> None:
    own, others = two.path(path, TASK), two.path(path, OTHER)
    refused = two.world.ask(path.replace("{id}", "none").replace("{credentials}", "none"), address=two.mine)[0]
    if not path.endswith("stats") and "/stats/" not in path:  # of which there are none in the first second
        assert two.world.ask(own, address=two.mine)[0] == 200
    assert two.world.ask(others, address=two.mine)[0] == refused
    assert two.world.ask(own, address=two.other)[0] == refused
    assert two.world.ask(own, address="172.30.0.1")[0] >= 400, "nor does what is no task"


def test_a_task_cannot_be_protected_by_another(two: Two) -> None:
    path = "/api/{id}/task-protection/v1/state"
    body = b'{"ProtectionEnabled":true}'
    assert two.world.ask(two.path(path, OTHER), "PUT", body, two.mine)[0] == 404
    assert two.world.get(two.path(path, OTHER), two.other)["protection"]["ProtectionEnabled"] is False


def test_the_id_of_credentials_says_nothing_of_the_task_and_stands_in_no_label(two: Two) -> None:
    spec = two.world.engine.spec(two.world.docker_name("hello"))
    id = spec.environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"].rpartition("/")[2]
    assert id == credentials_id(TASK)
    assert id != credentials_id(OTHER)
    assert not any(id in value for value in spec.labels.values())


def test_an_agent_that_was_restarted_knows_the_ids_that_tasks_have(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    path = two.path("/v2/credentials/{credentials}", TASK)
    monkeypatch.setattr("emulator.ecs.endpoints._KEY", b"another process's")
    assert two.world.get(path, two.mine)["AccessKeyId"] == "AKIDEXAMPLE"
    assert credentials_id(TASK) not in path


@pytest.mark.parametrize("path", PATHS[:2] + PATHS[-2:])
def test_a_task_that_has_only_just_started_is_known(two: Two, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Its containers ask at once, and the last listing does not have it."""
    monkeypatch.setattr(tasks_module, "FRESH", 1000.0)
    monkeypatch.setattr(tasks_module, "FRESHEST", 0.0)
    two.world.get(two.path("/v4/{id}", TASK), two.mine)
    third = "e" * 32
    two.world.start(service(HELLO), credentials="static", task_id=third)
    assert two.world.ask(two.path(path, third))[0] == 200
