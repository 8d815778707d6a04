"""`[aws] reach = "names"`: AWS's own host names lead a task to the local AWS endpoint."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from emulator.ecs.task_definition import KeyValuePair
from emulator.engine.fake import Behaviour, FakeEngine
from emulator.engine.interface import ContainerSpec, ExecResult
from emulator.errors import TaskError, UsageError
from emulator.runtime.listeners import free_port
from emulator.runtime.specs.aws.endpoint import aws_spec
from emulator.runtime.specs.aws.names import CA_VARIABLES, check_reach, wait_for_names, wait_for_relay
from emulator.runtime.specs.pause_script import AWS_READY, RULES_VARIABLE
from emulator.runtime.specs.task import TaskFactory, TaskSpec
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState, Private
from tests.unit.runtime.test_local_aws import placed, worker
from tests.unit.runtime.test_routers import logging
from tests.unit.runtime.world import AGENT, ROOT, desired_state, make_service

TASK_ID = "t" * 32
FOLDER = "/copilot-local/aws"


@pytest.fixture(autouse=True)
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every port is free, whatever runs on this machine."""
    monkeypatch.setattr(free_port, "is_free", lambda port, *, udp=False: True)


def named(state: DesiredState, service: str, **options: Any) -> DesiredState:
    desired = state.services[service]
    desired.options = desired.options.model_copy(update={"aws_names": True, **options})
    return placed(state)


def task_of(state: DesiredState, service: str) -> TaskSpec:
    return TaskFactory(state, Private(), ROOT).task(state.services[service], TASK_ID)


def main_of(state: DesiredState, service: str) -> ContainerSpec:
    return next(one.spec for one in task_of(state, service).members if one.definition.name == service)


def script_of(state: DesiredState, service: str) -> str:
    command = task_of(state, service).pause.command
    assert command is not None
    return command[0]


def test_without_it_nothing_is_otherwise() -> None:
    state = placed(desired_state(worker()))
    desired, spec = state.services["worker"], aws_spec(state)
    assert "resolv.conf" not in script_of(state, "worker")
    main = main_of(state, "worker")
    assert not CA_VARIABLES.keys() & main.environment.keys()
    assert not [mount for mount in main.mounts if mount.target == FOLDER]
    assert not main.labels.get(names.AWS_NAMES)
    assert spec is not None
    assert spec.command is not None
    assert "aws_names" not in json.loads(spec.command[0])
    before = desired.config_hash()
    assert named(state, "worker").services["worker"].config_hash() != before


def test_a_service_that_asks_for_it_has_its_names_led_there_and_the_authority_at_hand() -> None:
    state = named(desired_state(make_service(), worker()), "worker")
    script = script_of(state, "worker")
    assert script.index("nameserver 127.0.0.12") < script.index(f"aws_names $1 $2 $3 {AWS_READY} 127.0.0.12 ")
    main = main_of(state, "worker")
    assert CA_VARIABLES.items() <= main.environment.items()
    assert main.environment["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    [mount] = [mount for mount in main.mounts if mount.target == FOLDER]
    assert (mount.source, mount.read_only) == ("cl-demo-test-aws", True)
    assert "resolv.conf" not in script_of(state, "hello")
    assert not CA_VARIABLES.keys() & main_of(state, "hello").environment.keys()


def test_it_starts_the_endpoint_where_nothing_else_would() -> None:
    state = named(desired_state(make_service()), "hello")
    spec = aws_spec(state)
    assert spec is not None
    assert spec.command is not None
    certified = json.loads(spec.command[0])["aws_names"]
    assert {"*.amazonaws.com", "*.us-east-1.amazonaws.com"} <= set(certified)
    assert {"*.s3.amazonaws.com", "*.s3.us-east-1.amazonaws.com"} <= set(certified)


def test_what_a_container_says_of_authorities_wins() -> None:
    service = worker()
    [definition] = service.task_definition.container_definitions
    definition.environment.append(KeyValuePair(name="SSL_CERT_FILE", value="/own.pem"))
    main = main_of(named(desired_state(service), "worker"), "worker")
    assert main.environment["SSL_CERT_FILE"] == "/own.pem"
    assert main.environment["AWS_CA_BUNDLE"] == CA_VARIABLES["AWS_CA_BUNDLE"]


def test_a_log_router_whose_network_is_closed_asks_no_name_server() -> None:
    state = named(desired_state(logging()), "hello")
    rules = task_of(state, "hello").pause.environment[RULES_VARIABLE].splitlines()
    assert rules.index("-A ROUTER -d 127.0.0.12/32 -j REJECT") < rules.index("-A ROUTER -o lo -j RETURN")
    assert "-A ROUTER -d 127.0.0.11/32 -j REJECT" in rules
    [router] = [one.spec for one in task_of(state, "hello").members if one.spec.labels[names.ROLE] == names.Role.ROUTER]
    assert not {"AWS_CA_BUNDLE", "SSL_CERT_FILE"} & router.environment.keys()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"credentials": "static"}, "hello has real keys"),
        ({"log_destinations": {"*": "live"}}, "hello sends its logs to the real AWS"),
    ],
)
def test_a_service_that_needs_the_real_aws_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_reach(named(desired_state(logging()), "hello", **options))
    check_reach(named(desired_state(logging()), "hello", **options, aws_names=False))


def test_a_service_that_is_a_name_server_itself_is_refused() -> None:
    with pytest.raises(UsageError, match=r"hello listens on port 53 \(hello\)"):
        check_reach(named(desired_state(make_service({"hello": {"portMappings": [{"containerPort": 53}]}})), "hello"))


def test_a_container_starts_once_the_names_lead_there() -> None:
    main = main_of(named(desired_state(worker()), "worker"), "worker")
    code = 0

    def answer(command: Sequence[str]) -> ExecResult:
        asked.append(command[-1])
        return ExecResult(code, b"", b"")

    asked: list[str] = []
    engine = FakeEngine()
    engine.add_image(AGENT)
    engine.behave("*-pause", Behaviour(exec=answer))
    engine.start(engine.create_container(ContainerSpec(name=str(main.network).split(":")[1], image=AGENT)))
    wait_for_names(engine, main)
    assert "/tmp/names.ready" in asked[0]
    code = 1
    with pytest.raises(TaskError, match="the task's name server does not start"):
        wait_for_names(engine, main)
    wait_for_names(engine, main_of(placed(desired_state(make_service())), "hello"))
    assert len(asked) == 2


@pytest.mark.parametrize("names", [False, True])
def test_a_task_starts_once_its_port_leads_to_the_endpoint(names: bool) -> None:
    code = 0

    def answer(command: Sequence[str]) -> ExecResult:
        asked.append(command[-1])
        return ExecResult(code, b"", b"")

    state = desired_state(worker(), make_service())
    task = task_of(named(state, "worker") if names else placed(state), "worker")
    asked: list[str] = []
    engine = FakeEngine()
    engine.add_image(AGENT)
    engine.behave("*-pause", Behaviour(exec=answer))
    engine.start(engine.create_container(ContainerSpec(name=task.pause.name, image=AGENT)))
    wait_for_relay(engine, task.pause)
    [waits] = asked
    assert f"until [ -e {AWS_READY} ]" in waits
    code = 1
    with pytest.raises(TaskError, match="does not reach the local AWS endpoint"):
        wait_for_relay(engine, task.pause)
    wait_for_relay(engine, task_of(desired_state(make_service()), "hello").pause)
    assert len(asked) == 2
