"""The credentials endpoint: whose keys a task gets, and what it is told when there are none."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator.agent.metadata.credentials import Credentials
from emulator.ecs.endpoints import credentials_id
from emulator.runtime.secrets.sts import AssumeRoleError
from emulator.runtime.state.desired import Private
from emulator.runtime.state.task_role import Keys, TaskRole
from tests.unit.agent.metadata.conftest import TASK, World, service

HELLO: dict[str, Any] = {"name": "hello", "image": "hello:1"}
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEYS = Keys(access_key_id="AKIDEXAMPLE", secret_access_key="a-secret", session_token="a-token")
ROLE = TaskRole(source="role", keys=KEYS, role_arn="arn:aws:iam::1:role/x")
PATH = f"/v2/credentials/{credentials_id(TASK)}"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Sts:
    """Gives new keys at every call, or refuses."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.sessions: list[str] = []
        self.refuses = False

    def __call__(self, role: TaskRole, session: str) -> Keys:
        if self.refuses:
            raise AssumeRoleError("AccessDenied: no")
        self.sessions.append(session)
        number = len(self.sessions)
        return Keys(
            access_key_id=f"ASIA{number}",
            secret_access_key="s",
            session_token="t",
            expiration=self.clock() + timedelta(hours=1),
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sts(world: World, clock: Clock) -> Sts:
    """What `world` assumes roles at from now on."""
    found = Sts(clock)
    world.credentials = Credentials(world.tasks, lambda: world.private.task_roles, found, clock)
    world.endpoint._credentials = world.credentials
    return found


def offer(world: World, role: TaskRole, **definition: Any) -> None:
    world.start(service(HELLO, **definition), credentials=role.source)
    world.private = Private(services={"hello": {}}, task_roles={"hello": role})


def test_a_task_gets_the_keys_in_the_shape_that_sdks_read(world: World, sts: Sts) -> None:
    offer(world, TaskRole(source="static", keys=KEYS), taskRoleArn="arn:aws:iam::1:role/mine")
    assert world.get(PATH) == {
        "RoleArn": "arn:aws:iam::1:role/mine",
        "AccessKeyId": "AKIDEXAMPLE",
        "SecretAccessKey": "a-secret",
        "Token": "a-token",
        "Expiration": "2026-11-22T18:00:00Z",
    }
    assert world.get(PATH.replace("/v2/credentials/", "/v1/credentials?id="))["AccessKeyId"] == "AKIDEXAMPLE"


def test_a_task_that_a_command_runs_by_itself_gets_its_own(world: World, sts: Sts) -> None:
    offer(world, TaskRole(source="static", keys=KEYS))
    desired = world.state.services["hello"]
    world.state = world.state.model_copy(update={"services": {}})
    assert world.ask(PATH)[0] == 400
    world.one_offs = [desired]
    assert world.get(PATH)["AccessKeyId"] == "AKIDEXAMPLE"


def test_the_containers_are_told_where(world: World) -> None:
    offer(world, TaskRole(source="static", keys=KEYS))
    environment = world.engine.spec(world.docker_name("hello")).environment
    assert environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] == PATH
    assert not {"a-secret", "a-token"} & set(environment.values())


def test_without_a_source_the_containers_are_not_told_and_nothing_is_there(world: World) -> None:
    world.start(service(HELLO))
    environment = world.engine.spec(world.docker_name("hello")).environment
    assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in environment
    assert world.ask(PATH) == (
        400,
        {
            "code": "InvalidIdInRequest",
            "message": "CredentialsV2Request: Credentials not found",
            "HTTPErrorCode": 400,
        },
    )


def test_with_a_local_endpoint_they_are_the_keys_that_it_signs_with(world: World, sts: Sts) -> None:
    world.start(service(HELLO), aws_port=4566)
    answer = world.get(PATH)
    assert (answer["AccessKeyId"], answer["SecretAccessKey"], answer["Token"]) == ("test", "test", "")
    assert answer["RoleArn"] == "arn:aws:iam::000000000000:role/demo-test-hello-TaskRole"
    assert answer["Expiration"] == "2026-11-22T18:00:00Z"


def test_a_role_that_only_a_deployment_makes_has_the_name_it_would_have(world: World, sts: Sts) -> None:
    offer(world, TaskRole(source="static", keys=KEYS))
    assert world.get(PATH)["RoleArn"] == "arn:aws:iam::000000000000:role/demo-test-hello-TaskRole"


@pytest.mark.parametrize(
    ("path", "status", "code", "message"),
    [
        ("/v2/credentials/", 400, "NoIdInRequest", "CredentialsV2Request: No Credential ID in the request"),
        ("/v2/credentials/nobody", 400, "InvalidIdInRequest", "CredentialsV2Request: Credentials not found"),
        ("/v1/credentials", 400, "NoIdInRequest", "CredentialsV1Request: No Credential ID in the request"),
        ("/v1/credentials?id=no", 400, "InvalidIdInRequest", "CredentialsV1Request: Credentials not found"),
    ],
)
def test_an_error_is_an_object(world: World, path: str, status: int, code: str, message: str) -> None:
    offer(world, TaskRole(source="static", keys=KEYS))
    assert world.ask(path) == (status, {"code": code, "message": message, "HTTPErrorCode": status})


def test_an_agent_that_has_lost_the_keys_asks_to_try_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    offer(world, TaskRole(source="static", keys=KEYS))
    world.private = Private()
    status, answer = world.ask(PATH)
    assert (status, answer["code"]) == (503, "CredentialsUninitialized")
    assert "run `copilot-local up` again" in caplog.text


def test_expired_keys_of_a_profile_are_not_handed_out(
    world: World, sts: Sts, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    keys = KEYS.model_copy(update={"expiration": NOW + timedelta(minutes=5)})
    offer(world, TaskRole(source="profile", name="dev", keys=keys))
    assert world.get(PATH)["Expiration"] == "2026-11-22T12:05:00Z"
    clock.now += timedelta(minutes=6)
    assert world.ask(PATH)[0] == 500
    assert "profile dev have expired" in caplog.text


class TestRole:
    def test_it_is_assumed_by_the_task_in_its_own_name(self, world: World, sts: Sts) -> None:
        offer(world, ROLE)
        found = world.get(PATH)
        assert (found["AccessKeyId"], found["RoleArn"]) == ("ASIA1", "arn:aws:iam::1:role/x")
        assert found["Expiration"] == "2026-11-22T13:00:00Z"
        assert sts.sessions == [TASK]

    def test_its_keys_serve_until_twenty_minutes_before_their_end(self, world: World, sts: Sts, clock: Clock) -> None:
        offer(world, ROLE)
        world.get(PATH)
        clock.now += timedelta(minutes=39)
        assert world.get(PATH)["AccessKeyId"] == "ASIA1"
        clock.now += timedelta(minutes=2)
        assert world.get(PATH)["AccessKeyId"] == "ASIA2"

    def test_keys_that_cannot_be_renewed_serve_until_their_end(self, world: World, sts: Sts, clock: Clock) -> None:
        offer(world, ROLE)
        world.get(PATH)
        sts.refuses = True
        clock.now += timedelta(minutes=55)
        assert world.get(PATH)["AccessKeyId"] == "ASIA1"
        clock.now += timedelta(minutes=10)
        assert world.ask(PATH) == (
            500,
            {"code": "InternalServerError", "message": "Internal server error", "HTTPErrorCode": 500},
        )

    def test_another_role_is_assumed_anew(self, world: World, sts: Sts) -> None:
        offer(world, ROLE)
        world.get(PATH)
        other = ROLE.model_copy(update={"role_arn": "arn:aws:iam::1:role/y"})
        world.private = Private(services={"hello": {}}, task_roles={"hello": other})
        assert world.get(PATH)["AccessKeyId"] == "ASIA2"


def test_no_key_is_ever_logged(world: World, sts: Sts, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    offer(world, ROLE)
    world.get(PATH)
    sts.refuses = True
    clock.now += timedelta(minutes=65)
    world.ask(PATH)
    world.private = Private()
    world.ask(PATH)
    assert "cannot" in caplog.text or "credentials" in caplog.text
    assert not any(secret in caplog.text for secret in ("a-secret", "a-token", "ASIA1", credentials_id(TASK)))


def test_keys_are_not_in_what_a_traceback_would_print() -> None:
    assert not any(secret in repr(ROLE) for secret in ("AKIDEXAMPLE", "a-secret", "a-token"))
