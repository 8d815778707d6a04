"""Why a task is not healthy, from what is known of it; and when nothing about that will change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from emulator.ecs.network import ServiceConnect
from emulator.engine.interface import Health
from emulator.runtime.health.ports import Listening
from emulator.runtime.health.reasons import CheckResult, Code, Facts, Reason, reasons_of
from emulator.runtime.state.observed import Member
from tests.unit.runtime.world import BORN, World, desired_state, make_service

CHECK = {"healthCheck": {"command": ["CMD-SHELL", "curl -f localhost:3000"], "interval": 10}}
EVERYWHERE = Listening(3000, "0.0.0.0", "hello")
FAILED = CheckResult(False, 7, "trying\ncurl: (7) Failed to connect\n")
LONG_AFTER = timedelta(seconds=300)


def target(state: str = "initial", **more: Any) -> dict[str, Any]:
    return {"name": "hello-00000001", "target_group": "default", "state": state, "description": "", **more}


def look(
    containers: Mapping[str, Any] | None = None,
    *,
    states: Mapping[str, Any] | None = None,
    health: Health = Health.NONE,
    targets: Sequence[Mapping[str, Any]] = (),
    check: CheckResult | None = None,
    listening: Sequence[Listening] | None = None,
    port: int = 3000,
    grace: int = 60,
    after: timedelta = LONG_AFTER,
) -> list[Reason]:
    """The reasons of one task. `health` and `check` are those of container `hello`."""
    routed = ("hello", port) if targets else None
    service = make_service(containers or {"hello": {}}, target=routed).model_copy(
        update={"health_check_grace_period": grace}
    )
    world = World(service)
    task_id = world.runs_task(states=states or {})
    task = world.observed.tasks[task_id]
    checks = {}
    if "hello" in task.members:
        container = replace(task.members["hello"].container, health=health)
        task.members["hello"] = Member(container)
        checks = {container.id: check} if check is not None else {}
    return reasons_of(Facts(task, world.state.services["hello"], targets, checks, listening, BORN + after))


def test_a_healthy_task_has_none() -> None:
    assert look() == []
    assert look(health=Health.HEALTHY, targets=[target("healthy")], listening=[EVERYWHERE]) == []
    assert look(targets=[target("unused")]) == []


def test_a_port_that_the_container_does_not_listen_on() -> None:
    [reason] = look(targets=[target("unhealthy", check="L4CON")], listening=[EVERYWHERE], port=3001)
    assert (reason.code, reason.text) == (Code.WRONG_PORT, "hello listens on 3000, not 3001")
    assert reason.hint == "write `image.port: 3000` in the manifest, or let hello listen on 3001"
    assert reason.final


@pytest.mark.parametrize(
    ("state", "after", "final"),
    [("initial", LONG_AFTER, False), ("unhealthy", timedelta(seconds=30), False), ("unhealthy", LONG_AFTER, True)],
)
def test_a_wrong_port_is_final_once_the_checks_and_the_grace_period_are_over(
    state: str, after: timedelta, final: bool
) -> None:
    [reason] = look(targets=[target(state)], listening=[EVERYWHERE], port=3001, after=after)
    assert (reason.code, reason.final) == (Code.WRONG_PORT, final)


def test_a_container_that_listens_on_loopback_alone() -> None:
    local = Listening(3000, "127.0.0.1", "hello")
    [reason] = look(targets=[target("unhealthy")], listening=[local])
    assert (reason.code, reason.final) == (Code.LOOPBACK_ONLY, True)
    assert reason.text == "hello listens on 127.0.0.1:3000 alone, where the load balancer does not reach it"


@pytest.mark.parametrize(
    ("host", "code"),
    [("172.18.0.4", Code.OWN_ADDRESS_ONLY), ("127.0.0.1", Code.NO_ANSWER), ("0.0.0.0", Code.NO_ANSWER)],
)
def test_behind_a_proxy_it_has_to_listen_on_loopback(host: str, code: Code) -> None:
    connect = ServiceConnect(namespace="test.demo.local", dns_name="hello", port=3000)
    service = make_service({"hello": {}}, target=("hello", 3000)).model_copy(update={"connect": connect})
    world = World(service)
    desired = world.state.services["hello"]
    desired.options = desired.options.model_copy(update={"connect_proxy": "envoy"})
    task_id = world.runs_task(state=desired_state(service))
    task = world.observed.tasks[task_id]
    refused = [target("unhealthy", check="L7RSP")]
    [reason] = reasons_of(Facts(task, desired, refused, {}, [Listening(3000, host, "hello")], BORN + LONG_AFTER))
    assert reason.code == code
    if code == Code.OWN_ADDRESS_ONLY:
        assert reason.text == (
            "hello listens on 172.18.0.4:3000 alone, and Service Connect's proxy leads to 127.0.0.1:3000"
        )


def test_nothing_that_listens_may_come_yet() -> None:
    [reason] = look(targets=[target("unhealthy", check="L4CON")], listening=[])
    assert (reason.code, reason.final) == (Code.NOT_LISTENING, False)
    assert reason.text == "nothing listens on port 3000 of hello"
    [reason] = look(
        targets=[target("unhealthy")], listening=[Listening(80, "0.0.0.0", "nginx"), Listening(9, "0.0.0.0")]
    )
    assert reason.text == "nothing listens on port 3000 of hello; in this task listen: nginx on 80, something on 9"


@pytest.mark.parametrize(
    ("code", "state", "final"),
    [(404, "unhealthy", True), (404, "initial", False), (503, "unhealthy", False), (429, "unhealthy", False)],
)
def test_a_status_that_the_check_does_not_take(code: int, state: str, final: bool) -> None:
    [reason] = look(targets=[target(state, check="L7STS", code=code)], listening=[EVERYWHERE])
    assert (reason.code, reason.final) == (Code.WRONG_STATUS, final)
    assert reason.text == f"GET / answered {code}; the health check of hello takes 200"


@pytest.mark.parametrize(
    ("check", "words"), [("L7TOUT", "got no answer in time"), ("L7RSP", "got something that is no proper answer")]
)
def test_no_proper_answer(check: str, words: str) -> None:
    [reason] = look(targets=[target("unhealthy", check=check)], listening=[EVERYWHERE])
    assert (reason.code, reason.text, reason.final) == (Code.NO_ANSWER, f"GET / of hello {words}", False)


def test_ports_that_were_not_looked_at_are_not_spoken_of() -> None:
    [reason] = look(targets=[target("initial", description="Initial health checks in progress")])
    assert reason.code is Code.CHECKING


def test_a_failing_check_of_a_container_says_what_it_printed() -> None:
    [reason] = look({"hello": CHECK}, health=Health.STARTING, check=FAILED)
    assert reason.code is Code.CHECK_FAILS
    assert reason.text == "the health check of hello failed with 7: curl: (7) Failed to connect"
    assert reason.output == ("trying", "curl: (7) Failed to connect")
    assert reason.hint == "it runs in hello: `curl -f localhost:3000`"
    assert not reason.final


def test_an_unhealthy_container_is_final_where_ecs_would_stop_its_task() -> None:
    assert [one.final for one in look({"hello": CHECK}, health=Health.UNHEALTHY, check=FAILED)] == [True]
    soon = timedelta(seconds=30)
    assert [one.final for one in look({"hello": CHECK}, health=Health.UNHEALTHY, check=FAILED, after=soon)] == [False]
    aside = {"hello": {**CHECK, "essential": False}, "web": {}}
    assert [one.final for one in look(aside, health=Health.UNHEALTHY, check=FAILED)] == [False]


def test_a_command_that_the_image_does_not_have_will_not_come() -> None:
    absent, soon = CheckResult(False, 127, "sh: curl: not found"), timedelta(seconds=30)
    assert [one.final for one in look({"hello": CHECK}, health=Health.UNHEALTHY, check=absent, after=soon)] == [True]
    assert [one.final for one in look({"hello": CHECK}, health=Health.STARTING, check=absent, after=soon)] == [False]


def test_a_check_without_a_result_and_one_that_does_not_end() -> None:
    [reason] = look({"hello": CHECK}, health=Health.STARTING)
    assert (reason.code, reason.text) == (Code.CHECKING, "the health check of hello has no result yet")
    [reason] = look({"hello": CHECK}, health=Health.STARTING, check=CheckResult(False, None, "no end within 5 s"))
    assert reason.text == "the health check of hello did not end in time or could not be run: no end within 5 s"


def test_containers_that_wait_or_are_not_there() -> None:
    depending = {"hello": {"dependsOn": [{"containerName": "db", "condition": "HEALTHY"}]}, "db": CHECK}
    [reason] = look(depending, states={"hello": "created"})
    assert (reason.code, reason.text) == (
        Code.WAITING,
        "container hello has not started: it waits until db is healthy",
    )
    [reason] = look({"hello": {}, "db": {}}, states={"db": None})
    assert (reason.code, reason.text) == (Code.MISSING, "container db is not there")
    [reason] = look({"hello": {}, "db": {}}, states={"db": 1})
    assert (reason.code, reason.text) == (Code.EXITED, "container db has exited")
