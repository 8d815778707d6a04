"""Routes, statuses and error bodies: what SDKs and agents see when something is not there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator.errors import EngineUnavailable
from tests.unit.agent.metadata.conftest import TASK, World, service

HELLO: dict[str, Any] = {"name": "hello", "image": "hello:1"}
NO_DOCKER_ID = "unable to get container ID from request: unable to get docker ID from v3 endpoint ID: bad"
NO_TASK = "unable to get task arn from request: unable to get task Arn from v3 endpoint ID: bad"


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v4/bad", 404, f"V4 container metadata handler: {NO_DOCKER_ID}"),
        ("/v4/bad/task", 404, f"V4 task metadata handler: {NO_TASK}"),
        ("/v4/bad/stats", 404, f"V4 container stats handler: {NO_TASK}"),
        ("/v4/bad/task/stats", 404, f"V4 task stats handler: {NO_TASK}"),
        ("/v3/bad", 400, f"V3 container metadata handler: {NO_DOCKER_ID}"),
        ("/v3/bad/task", 500, f"V3 task metadata handler: {NO_TASK}"),
        ("/v3/bad/stats", 400, f"V3 container stats handler: {NO_TASK}"),
        ("/v3/bad/task/stats", 400, f"V3 task stats handler: {NO_TASK}"),
    ],
)
def test_an_unknown_id_is_told_in_a_json_string(world: World, path: str, status: int, message: str) -> None:
    world.start(service(HELLO))
    assert world.ask(path) == (status, message)


def test_the_id_of_a_container_that_the_task_has_not_is_unknown(world: World) -> None:
    world.start(service(HELLO))
    assert world.ask("/v4/{db}")[0] == 404
    assert world.ask(f"/v4/{TASK}-1")[0] == 404
    assert world.ask(f"/v4/{TASK}")[0] == 404


@pytest.mark.parametrize(
    "path",
    ["/", "", "/v4", "/v4/{hello}/", "/v4/{hello}/task/", "/v4/{hello}/taskWithTags", "/v4/{hello}/nothing", "/v5/x"],
)
def test_a_path_that_is_not_there_is_told_in_plain_text(world: World, path: str) -> None:
    world.start(service(HELLO))
    path = path.replace("{hello}", world.get("/v4/{hello}")["DockerId"])
    answer = world.answer(path)
    if path == "":
        assert (answer.status, answer.location) == (301, "/")
        return
    assert (answer.status, answer.body) == (404, b"404 page not found\n")
    assert answer.content_type == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "location"),
    [("//v4//x", "/v4/x"), ("/v4/./x/task", "/v4/x/task"), ("/a/../v4/x?y=1", "/v4/x?y=1"), ("/v4//x/", "/v4/x/")],
)
def test_an_untidy_path_is_redirected(world: World, path: str, location: str) -> None:
    answer = world.answer(path)
    assert (answer.status, answer.location) == (301, location)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v4/{hello}", 500),
        ("/v4/{hello}/task", 500),
        ("/v4/{hello}/stats", 500),
        ("/v4/{hello}/task/stats", 500),
        ("/v3/{hello}", 400),
        ("/v3/{hello}/task", 500),
        ("/v2/credentials/x", 500),
        ("/api/{hello}/task-protection/v1/state", 500),
    ],
)
def test_a_daemon_that_does_not_answer_is_an_error_and_no_crash(world: World, path: str, status: int) -> None:
    world.start(service(HELLO))
    world.engine.fail("list_containers", EngineUnavailable("no daemon"), times=None)
    assert world.ask(path)[0] == status


def test_a_bug_is_an_error_and_no_dropped_connection(world: World) -> None:
    world.start(service(HELLO))

    def broken(verb: str, target: str) -> None:
        if verb == "list_containers":
            raise RuntimeError("boom")

    world.engine.before = broken
    assert world.ask("/v4/{hello}") == (500, "Internal server error")


class TestTaskProtection:
    PATH = "/api/{hello}/task-protection/v1/state"

    def put(self, world: World, **body: object) -> tuple[int, Any]:
        return world.ask(self.PATH, "PUT", json.dumps(body).encode())

    def test_a_task_is_not_protected_at_first(self, world: World) -> None:
        world.start(service(HELLO))
        arn = world.get("/v4/{hello}/task")["TaskARN"]
        assert world.get(self.PATH) == {
            "protection": {"ExpirationDate": None, "ProtectionEnabled": False, "TaskArn": arn}
        }

    def test_protection_lasts_as_long_as_asked_for(self, world: World) -> None:
        world.start(service(HELLO))
        before = datetime.now(UTC).replace(microsecond=0)
        status, answer = self.put(world, ProtectionEnabled=True, ExpiresInMinutes=60)
        assert status == 200
        assert answer["protection"]["ProtectionEnabled"] is True
        ends = datetime.fromisoformat(answer["protection"]["ExpirationDate"])
        assert before + timedelta(minutes=60) <= ends <= datetime.now(UTC) + timedelta(minutes=60)
        assert world.get(self.PATH) == answer
        arn = answer["protection"]["TaskArn"]
        assert world.protection.protected(arn)
        assert not world.protection.protected(arn, datetime.now(UTC) + timedelta(minutes=61))

    def test_it_can_be_given_up_and_lasts_two_hours_by_default(self, world: World) -> None:
        world.start(service(HELLO))
        _, answer = self.put(world, ProtectionEnabled=True)
        ends = datetime.fromisoformat(answer["protection"]["ExpirationDate"])
        assert timedelta(minutes=119) < ends - datetime.now(UTC) <= timedelta(minutes=120)
        assert self.put(world, protectionEnabled=False)[1]["protection"]["ProtectionEnabled"] is False

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"{", "UpdateTaskProtection: failed to decode request"),
            (b"[]", "UpdateTaskProtection: failed to decode request"),
            (b'{"ProtectionEnabled": true, "Other": 1}', "UpdateTaskProtection: failed to decode request"),
            (b'{"ProtectionEnabled": "yes"}', "UpdateTaskProtection: failed to decode request"),
            (b'{"ProtectionEnabled": true, "ExpiresInMinutes": 1.5}', "UpdateTaskProtection: failed to decode request"),
            (b"{}", "Invalid request: does not contain 'ProtectionEnabled' field"),
            (
                b'{"ProtectionEnabled": true, "ExpiresInMinutes": 2881}',
                "expiresInMinutes must be between 1 and 2880",
            ),
        ],
    )
    def test_a_wrong_request_is_refused(self, world: World, body: bytes, message: str) -> None:
        world.start(service(HELLO))
        status, answer = world.ask(self.PATH, "PUT", body)
        assert status == 400
        assert (answer["error"]["Code"], answer["error"]["Message"]) == ("InvalidParameterException", message)

    def test_an_unknown_id_and_another_method_are_refused(self, world: World) -> None:
        world.start(service(HELLO))
        status, answer = world.ask("/api/bad/task-protection/v1/state")
        assert (status, answer["error"]["Code"]) == (404, "ResourceNotFoundException")
        assert world.answer("/api/bad/task-protection/v1/state", "POST").status == 405
