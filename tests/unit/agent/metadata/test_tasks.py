"""What a container learns about its task."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from emulator.runtime.planning.one_off import as_one_off
from emulator.runtime.specs.task import task_factory
from tests.unit.agent.metadata.conftest import TASK, World, service

HELLO: dict[str, Any] = {"name": "hello", "image": "hello:1"}
NGINX: dict[str, Any] = {"name": "nginx", "image": "nginx:1"}
ARN = f"arn:aws:ecs:us-east-1:000000000000:task/demo-test/{TASK}"


def test_a_task_is_described_as_on_fargate(world: World) -> None:
    world.start(service(HELLO, NGINX), revision=5)
    found = world.get("/v4/{hello}/task")
    assert [c["Name"] for c in found["Containers"]] == ["hello", "nginx"]  # and no pause
    assert found["Containers"][1] == world.get("/v4/{nginx}")
    assert list(found) == [
        "Cluster", "TaskARN", "Family", "Revision", "DesiredStatus", "KnownStatus", "Limits", "PullStartedAt",
        "PullStoppedAt", "AvailabilityZone", "AvailabilityZoneID", "Containers", "LaunchType", "ServiceName",
        "ClockDrift", "EphemeralStorageMetrics", "FaultInjectionEnabled",
    ]  # fmt: skip
    for name in ("Containers", "PullStartedAt", "PullStoppedAt"):
        del found[name]
    drift = found.pop("ClockDrift")
    assert drift["ClockSynchronizationStatus"] == "SYNCHRONIZED"
    assert datetime.fromisoformat(drift["ReferenceTimestamp"]).tzinfo is not None
    assert found == {
        "Cluster": "arn:aws:ecs:us-east-1:000000000000:cluster/demo-test",
        "TaskARN": ARN,
        "Family": "demo-test-hello",
        "Revision": "5",
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "Limits": {"CPU": 0.25, "Memory": 512},
        "AvailabilityZone": "us-east-1a",
        "AvailabilityZoneID": "use1-az1",
        "LaunchType": "FARGATE",
        "ServiceName": "hello",
        "EphemeralStorageMetrics": {"Utilized": 0, "Reserved": 20496},
        "FaultInjectionEnabled": False,
    }


def test_a_task_of_no_service_names_none(world: World) -> None:
    """As on AWS: those of RunTask, and of jobs, which Step Functions starts so."""
    desired = world.want(service(HELLO))
    spec = as_one_off(task_factory(world.state, world.private, world.engine).task(desired, TASK))
    for container in (spec.pause, *(member.spec for member in spec.members)):
        world.engine.create_container(container)
        world.engine.start(container.name)
    world.caller = world.address()
    found = world.get("/v4/{hello}/task")
    assert "ServiceName" not in found
    assert (found["Family"], found["LaunchType"]) == ("demo-test-hello", "FARGATE")


def test_limits_are_left_out_where_the_task_has_none(world: World) -> None:
    world.start(service(HELLO, cpu=None, memory=None))
    assert "Limits" not in world.get("/v4/{hello}/task")


def test_what_the_definition_asks_for_is_in_the_metrics(world: World) -> None:
    world.start(service(HELLO, ephemeralStorage={"sizeInGiB": 50}, enableFaultInjection=True))
    found = world.get("/v4/{hello}/task")
    assert found["EphemeralStorageMetrics"]["Reserved"] == 50 * 1024 + 16
    assert found["FaultInjectionEnabled"] is True


def test_a_task_is_as_far_as_its_last_container(world: World) -> None:
    world.start(service(HELLO, NGINX), only=("hello",))
    found = world.get("/v4/{hello}/task")
    assert found["KnownStatus"] == "NONE"
    assert [c["KnownStatus"] for c in found["Containers"]] == ["RUNNING", "PULLED"]


def test_a_finished_helper_does_not_stop_the_task(world: World) -> None:
    world.start(service(HELLO, {**NGINX, "essential": False}))
    world.engine.finish(world.docker_name("nginx"), 3)
    found = world.get("/v4/{hello}/task")
    assert (found["DesiredStatus"], found["KnownStatus"]) == ("RUNNING", "RUNNING")
    assert "ExecutionStoppedAt" not in found


def test_an_essential_container_that_ends_stops_the_task(world: World) -> None:
    world.start(service(HELLO, NGINX))
    world.engine.finish(world.docker_name("nginx"), 0)
    world.happened("die", "nginx", "2026-11-22T10:00:09Z")
    found = world.get("/v4/{hello}/task")
    assert (found["DesiredStatus"], found["KnownStatus"]) == ("STOPPED", "RUNNING")
    assert found["ExecutionStoppedAt"] == "2026-11-22T10:00:09Z"
    assert {c["DesiredStatus"] for c in found["Containers"]} == {"STOPPED"}


def test_a_task_that_is_being_stopped_says_so(world: World) -> None:
    world.start(service(HELLO))
    world.stopping.add(TASK)
    assert world.get("/v4/{hello}/task")["DesiredStatus"] == "STOPPED"


def test_a_task_that_is_being_replaced_keeps_its_own_definition(world: World) -> None:
    world.start(service({**HELLO, "memory": 64}))
    assert world.get("/v4/{hello}")["Limits"]["Memory"] == 64
    world.want(service({**HELLO, "memory": 256}, NGINX), revision=2)
    found = world.get("/v4/{hello}/task")
    assert found["Revision"] == "1"
    assert [c["Limits"] for c in found["Containers"]] == [{"CPU": 2, "Memory": 64}]


def test_a_task_whose_definition_is_unknown_is_still_described(world: World) -> None:
    world.start(service({**HELLO, "memory": 64}))
    world.want(service(NGINX), revision=2)
    found = world.get("/v4/{hello}/task")
    assert found["TaskARN"] == ARN
    assert [(c["Name"], c["KnownStatus"], c["Limits"]) for c in found["Containers"]] == [
        ("hello", "RUNNING", {"CPU": 2})
    ]


def test_a_task_without_a_network_can_ask_for_nothing(world: World) -> None:
    world.start(service(HELLO))
    world.engine.kill(world.docker_name("pause"))
    assert world.ask("/v4/{hello}")[0] == 404


def test_version_3_has_the_task_without_what_came_later(world: World) -> None:
    world.start(service(HELLO))
    found = world.get("/v3/{hello}/task")
    assert found["Containers"] == [world.get("/v3/{hello}")]
    assert not {"LaunchType", "ClockDrift", "ServiceName"} & set(found)


class TestVersion2:
    """It knows a task by the address it asks from."""

    def test_the_task_that_asks_is_described(self, world: World) -> None:
        world.start(service(HELLO))
        expected = world.get("/v3/{hello}/task")
        assert world.get("/v2/metadata", address="172.30.0.3") == expected
        assert world.get("/v2/metadata/", address="172.30.0.3") == expected
        assert world.get("/v2/metadata/{hello}", address="172.30.0.3") == expected["Containers"][0]

    def test_a_stranger_is_told_so(self, world: World) -> None:
        world.start(service(HELLO))
        for path in ("/v2/metadata", "/v2/stats"):
            status, message = world.ask(path, address="10.9.9.9")
            assert status == 400
            assert "unable to associate '10.9.9.9' with task" in message

    def test_another_tasks_container_is_not_shown(self, world: World) -> None:
        world.start(service(HELLO))
        assert world.ask("/v2/metadata/{db}", address="172.30.0.3")[0] == 400
