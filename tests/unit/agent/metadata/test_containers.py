"""What a container learns about itself: the shape that Fargate gives it, oddities included."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.ecs.identity import container_id
from emulator.engine.interface import Health, HealthProbe
from emulator.errors import EngineTimeout
from tests.unit.agent.metadata.conftest import TASK, World, service

HELLO: dict[str, Any] = {"name": "hello", "image": "hello:1"}
CHECKED = {**HELLO, "healthCheck": {"command": ["CMD-SHELL", "true"]}}
ID = container_id(TASK, "hello")
ARN = f"arn:aws:ecs:us-east-1:000000000000:task/demo-test/{TASK}"


def test_a_container_is_described_as_on_fargate(world: World) -> None:
    logging = {"awslogs-group": "/g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "copilot"}
    world.start(
        service(
            {
                **HELLO,
                "cpu": 10,
                "memory": 128,
                "portMappings": [{"containerPort": 80}],
                "dockerLabels": {"team": "a"},
                "logConfiguration": {"logDriver": "awslogs", "options": logging},
            }
        )
    )
    world.happened("start", "hello", "2026-11-22T10:00:01.250Z")
    found = world.get("/v4/{hello}")
    image = world.engine.image("hello:1")
    assert image is not None
    assert list(found) == [
        "DockerId", "Name", "DockerName", "Image", "ImageID", "Labels", "DesiredStatus", "KnownStatus", "Limits",
        "CreatedAt", "StartedAt", "Type", "LogDriver", "LogOptions", "ContainerARN", "Networks", "Snapshotter",
    ]  # fmt: skip
    arn = found.pop("ContainerARN")
    assert arn.startswith(f"{ARN.replace(':task/', ':container/')}/")
    assert found == {
        "DockerId": ID,
        "Name": "hello",
        "DockerName": "hello",
        "Image": "hello:1",
        "ImageID": image.id,
        "Labels": {
            "com.amazonaws.ecs.cluster": "arn:aws:ecs:us-east-1:000000000000:cluster/demo-test",
            "com.amazonaws.ecs.container-name": "hello",
            "com.amazonaws.ecs.task-arn": ARN,
            "com.amazonaws.ecs.task-definition-family": "demo-test-hello",
            "com.amazonaws.ecs.task-definition-version": "1",
            "team": "a",
        },
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "Limits": {"CPU": 10, "Memory": 128},
        "CreatedAt": "2026-11-22T10:00:01.25Z",
        "StartedAt": "2026-11-22T10:00:01.25Z",
        "Type": "NORMAL",
        "LogDriver": "awslogs",
        "LogOptions": {
            "awslogs-group": "/g",
            "awslogs-region": "us-east-1",
            "awslogs-stream": f"copilot/hello/{TASK}",
        },
        "Networks": [
            {
                "NetworkMode": "awsvpc",
                "IPv4Addresses": ["172.30.0.3"],
                "AttachmentIndex": 0,
                "MACAddress": "02:42:ac:1e:00:03",
                "IPv4SubnetCIDRBlock": "172.30.0.0/16",
                "DomainNameServers": ["127.0.0.11"],
                "DomainNameSearchList": ["ec2.internal"],
                "PrivateDNSName": "ip-01234567.ec2.internal",
                "SubnetGatewayIpv4Address": "172.30.0.1/16",
            }
        ],
        "Snapshotter": "overlayfs",
    }


def test_a_container_without_limits_has_the_kernels_least_cpu_shares_and_no_memory(world: World) -> None:
    world.start(service(HELLO))
    assert world.get("/v4/{hello}")["Limits"] == {"CPU": 2}


def test_the_image_is_the_task_definitions_whatever_runs_in_its_place(world: World) -> None:
    world.start(service({**HELLO, "image": "private.example.com/nginx:9"}), images={"hello": "nginx:1"})
    found = world.get("/v4/{hello}")
    stand_in = world.engine.image("nginx:1")
    assert stand_in is not None
    assert (found["Image"], found["ImageID"]) == ("private.example.com/nginx:9", stand_in.id)


def test_a_container_that_logs_to_the_router_shows_firelens_and_no_secret_option(world: World) -> None:
    logging = {
        "logDriver": "awsfirelens",
        "options": {"Name": "http", "Host": "example.com"},
        "secretOptions": [{"name": "apikey", "valueFrom": "arn:x"}],
    }
    router = {"name": "nginx", "image": "nginx:1", "firelensConfiguration": {"type": "fluentbit"}}
    world.engine.listening.add("*")
    world.start(service({**HELLO, "logConfiguration": logging}, router))
    found = world.get("/v4/{hello}")
    assert found["LogDriver"] == "awsfirelens"
    assert found["LogOptions"] == {"Host": "example.com", "Name": "http"}


class TestHealth:
    def test_only_a_check_of_the_task_definition_counts(self, world: World) -> None:
        world.engine.add_image("hello:1", has_health_check=True)
        world.start(service(HELLO, {"name": "nginx", "image": "nginx:1", "healthCheck": {"command": ["NONE"]}}))
        assert "Health" not in world.get("/v4/{hello}")
        assert "Health" not in world.get("/v4/{nginx}")

    def test_there_is_no_status_before_the_first_verdict(self, world: World) -> None:
        world.start(service(CHECKED))
        world.engine.set_health(world.docker_name("hello"), Health.STARTING)
        assert world.get("/v4/{hello}")["Health"] == {"output": ""}

    def test_the_verdict_has_its_time_and_the_last_output(self, world: World) -> None:
        world.start(service(CHECKED))
        name = world.docker_name("hello")
        world.engine.set_health(name, Health.UNHEALTHY)
        world.happened("health_status: unhealthy", "hello", "2026-11-22T10:00:00Z")
        ended = datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC)
        world.engine.health_logs[name] = (HealthProbe(ended, 7, "é" * 1000),)
        health = world.get("/v4/{hello}")["Health"]
        output = health.pop("output")
        assert health == {"status": "UNHEALTHY", "statusSince": "2026-11-22T10:00:00Z", "exitCode": 7}
        assert output == "é" * 512  # 1024 bytes

    def test_a_restarted_agent_takes_the_time_from_the_runs_that_docker_keeps(self, world: World) -> None:
        world.start(service(CHECKED))
        name = world.docker_name("hello")
        world.engine.set_health(name, Health.HEALTHY)
        runs = [(1, 1), (2, 0), (3, 0)]
        world.engine.health_logs[name] = tuple(
            HealthProbe(datetime(2026, 11, 22, 10, 0, second, tzinfo=UTC), code, "") for second, code in runs
        )
        assert world.get("/v4/{hello}")["Health"] == {
            "status": "HEALTHY",
            "statusSince": "2026-11-22T10:00:02Z",
            "output": "",
        }

    def test_a_container_that_hangs_still_has_its_verdict(self, world: World) -> None:
        world.start(service(CHECKED))
        world.engine.set_health(world.docker_name("hello"), Health.HEALTHY)
        world.engine.fail("health_log", EngineTimeout("stuck"), times=None)
        assert world.get("/v4/{hello}")["Health"]["status"] == "HEALTHY"


class TestStates:
    def test_a_container_that_has_not_been_made_has_been_pulled(self, world: World) -> None:
        world.start(service(HELLO, {"name": "nginx", "image": "nginx:1"}), only=("hello",))
        found = world.get("/v4/{nginx}")
        assert (found["KnownStatus"], found["DockerId"]) == ("PULLED", "")
        assert not {"CreatedAt", "StartedAt", "ExitCode"} & set(found)

    def test_a_container_that_was_only_made_has_not_started(self, world: World) -> None:
        world.start(service(HELLO, {"name": "nginx", "image": "nginx:1"}))
        world.engine.remove(world.docker_name("nginx"))
        spec = world.engine.spec(world.docker_name("hello"))
        labels = {**spec.labels, "copilot-local.container": "nginx"}
        world.engine.create_container(type(spec)(name=world.docker_name("nginx"), image="nginx:1", labels=labels))
        found = world.get("/v4/{nginx}")
        assert found["KnownStatus"] == "CREATED"
        assert "StartedAt" not in found

    def test_a_container_that_ended_has_its_code_and_time(self, world: World) -> None:
        world.start(service(HELLO, {"name": "nginx", "image": "nginx:1", "essential": False}))
        world.engine.finish(world.docker_name("nginx"), 0)
        world.happened("die", "nginx", "2026-11-22T10:00:09.5Z")
        found = world.get("/v4/{nginx}")
        assert (found["KnownStatus"], found["ExitCode"]) == ("STOPPED", 0)
        assert found["FinishedAt"] == "2026-11-22T10:00:09.5Z"
        assert found["DesiredStatus"] == "RUNNING"

    def test_restarts_are_counted_where_there_is_a_restart_policy(self, world: World) -> None:
        world.start(service({**HELLO, "restartPolicy": {"enabled": True}}, {"name": "nginx", "image": "nginx:1"}))
        assert world.get("/v4/{hello}")["RestartCount"] == 0
        for second in (1, 2, 3):
            world.happened("start", "hello", f"2026-11-22T10:00:0{second}Z")
        assert world.get("/v4/{hello}")["RestartCount"] == 2
        assert "RestartCount" not in world.get("/v4/{nginx}")


def test_version_3_says_less(world: World) -> None:
    world.start(service({**HELLO, "logConfiguration": {"logDriver": "awslogs", "options": {}}}))
    found = world.get("/v3/{hello}")
    assert not {"LogDriver", "ContainerARN", "Snapshotter"} & set(found)
    assert found["Networks"] == [{"NetworkMode": "awsvpc", "IPv4Addresses": ["172.30.0.3"]}]


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1"])
def test_host_name_and_search_domain_are_the_regions(world: World, region: str) -> None:
    world.start(service(HELLO), region=region)
    network = world.get("/v4/{hello}")["Networks"][0]
    domain = {"us-east-1": "ec2.internal"}.get(region, f"{region}.compute.internal")
    assert network["DomainNameSearchList"] == [domain]
    pause = world.engine.spec(world.docker_name("pause"))
    assert network["PrivateDNSName"] == pause.hostname == f"ip-01234567.{domain}"
