"""What RegisterTaskDefinition refuses, in ECS's words where these are known, and what it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.api.clusters import Clusters
from emulator.api.host import Host
from emulator.api.registration import refuse_wrong
from emulator.api.serve import serving
from emulator.engine.fake import FakeEngine
from emulator.render.task_definition import render_task_definition
from emulator.setup.store import Store
from tests.unit.render.golden import ABSENT, CASES, GOLDEN, golden_service

FARGATE: dict[str, Any] = {
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "cpu": "256",
    "memory": "512",
    "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
}
CHECK = {"command": ["CMD-SHELL", "true"]}
AWSLOGS = {"awslogs-group": "/g", "awslogs-region": "us-east-1"}
ROUTER = {"firelensConfiguration": {"type": "fluentbit"}}
FIRELENS = {"logConfiguration": {"logDriver": "awsfirelens", "options": {"Name": "null"}}}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="module")
def ecs(workspace: Path) -> Iterator[Any]:
    """A client of an API on a machine where nothing runs."""
    engine = FakeEngine()
    clusters = Clusters(engine, Host(engine, workspace), Store(workspace / "ecs"), runs=False)
    with serving(clusters, 0) as port:
        yield boto3.client(
            "ecs",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}),
        )


def register(ecs: Any, *containers: dict[str, Any], **task: Any) -> dict[str, Any]:
    """Registers `app` with these fields, and further containers of their own names."""
    first, *others = containers or ({},)
    rows = [{"name": "app", "image": "a:1", **first}, *({"image": "x:1", **other} for other in others)]
    found: dict[str, Any] = ecs.register_task_definition(**{"family": "f", "containerDefinitions": rows, **task})
    return found


def refused(ecs: Any, *containers: dict[str, Any], **task: Any) -> str:
    """The message of a `ClientException`."""
    with pytest.raises(ClientError) as caught:
        register(ecs, *containers, **task)
    error = caught.value.response["Error"]
    assert error["Code"] == "ClientException"
    return str(error["Message"])


def waits(name: str, condition: str) -> dict[str, Any]:
    return {"dependsOn": [{"containerName": name, "condition": condition}]}


def numbered(count: int) -> list[dict[str, Any]]:
    return [{}, *({"name": f"c{number}"} for number in range(count - 1))]


MISMATCH = "the host ports and container ports in port mappings must match."
OF_EVERY_LAUNCH_TYPE: list[tuple[list[dict[str, Any]], str]] = [
    ([{"essential": False}], "Task definition doesn't have any essential container."),
    (numbered(11), "Too many containers."),
    ([{"name": "a b"}], "Container.name contains invalid characters."),
    ([{}, {"name": "app"}], "Container.name contains duplicate container name app."),
    ([waits("db", "START")], "Cannot depend on container + 'db' because it does not exist"),
    ([waits("app", "START")], "containers wait for each other: app → app"),
    ([waits("app", "FOO")], "dependsOn: condition should be one of [START,COMPLETE,SUCCESS,HEALTHY]"),
    (
        [waits("db", "SUCCESS"), {"name": "db"}],
        "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
    ),
    (
        [waits("db", "HEALTHY"), {"name": "db"}],
        "A dependency container with HEALTHY condition must have health check configured",
    ),
    ([{"mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}]}], "Unknown volume 'data'."),
    (
        [{"environment": [{"name": "A", "value": "1"}], "secrets": [{"name": "A", "valueFrom": "/a"}]}],
        "The secret name must be unique and not shared with any new or existing environment variables set on the "
        "container, such as 'A'.",
    ),
    (
        [FIRELENS],
        "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be "
        "configured in one of the containers.",
    ),
    ([{"portMappings": [{"protocol": "tcp"}]}], "Invalid 'containerPort' setting for container 'app'."),
    (
        [{"healthCheck": {**CHECK, "interval": 1}}],
        "container app has a health check interval of 1 s; ECS takes 5 to 300",
    ),
    (
        [{"memory": 64, "memoryReservation": 65}],
        "Invalid setting for container 'app'. 'memory' must be greater than or equal to 'memoryReservation'.",
    ),
]
ON_FARGATE: list[tuple[list[dict[str, Any]], str]] = [
    ([{"privileged": True}], "Fargate requires that the 'privileged' setting be 'false'"),
    ([{"hostname": "web"}], "hostname is not supported on container when networkMode=awsvpc."),
    ([{"linuxParameters": {"capabilities": {"add": ["NET_ADMIN"]}}}], "NET_ADMIN is not allowed on Fargate."),
    (
        [{"linuxParameters": {"sharedMemorySize": 64}}],
        "Fargate compatible task definitions do not support sharedMemorySize",
    ),
    (
        [{"logConfiguration": {"logDriver": "json-file"}}],
        "json-file is not a valid log driver. Must be one of [awslogs,splunk,awsfirelens]",
    ),
    (
        [{"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-stream-prefix": "p"}}}],
        "Log driver awslogs requires options: awslogs-region, awslogs-group",
    ),
    (
        [{"logConfiguration": {"logDriver": "awslogs", "options": AWSLOGS}}],
        "Fargate requires log configuration options to include awslogs-stream-prefix",
    ),
    ([{"portMappings": [{"containerPort": 80, "hostPort": 8080}]}], f"When networkMode=awsvpc, {MISMATCH}"),
    (
        [{"portMappings": [{"containerPort": 80}]}, {"name": "b", "portMappings": [{"containerPort": 80}]}],
        "TCP host port '80' is mapped multiple times in task.",
    ),
    ([{"cpu": 257}], "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."),
    (
        [{"memoryReservation": 513}],
        "The sum of all container 'memoryReservation' values cannot be greater than the value of the task 'memory'.",
    ),
    (
        [{"memory": 600, "memoryReservation": 8}],
        "The 'memory' setting for container 'app' is greater than for the task.",
    ),
]
TASKS_ON_FARGATE: list[tuple[dict[str, Any], str]] = [
    ({"cpu": None, "memory": None}, "Fargate requires that 'cpu' be defined at the task level."),
    ({"memory": None}, "Fargate requires that 'memory' be defined at the task level."),
    ({"cpu": "300"}, "No Fargate configuration exists for given values: 300 CPU, 512 memory."),
    ({"cpu": "much"}, "Invalid 'cpu' setting for task."),
    ({"networkMode": "bridge"}, "Fargate only supports network mode \u2018awsvpc\u2019."),
    ({"ipcMode": "task"}, "Fargate compatible task definitions do not support ipcMode"),
    (
        {"volumes": [{"name": "v", "host": {"sourcePath": "/v"}}]},
        "Fargate compatible task definitions do not support sourcePath",
    ),
    (
        {"placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.os-type == linux"}]},
        "Fargate compatible task definitions do not support placementConstraints",
    ),
    ({"ephemeralStorage": {"sizeInGiB": 20}}, "EphemeralStorage size should be at least 21"),
]


def ids(rows: Sequence[tuple[object, str]]) -> list[str]:
    """Of tests: the words."""
    return [words for _, words in rows]


def given(task: dict[str, Any]) -> dict[str, Any]:
    """Without what is None: boto3 takes no nulls."""
    return {key: value for key, value in task.items() if value is not None}


class TestRefuses:
    @pytest.mark.parametrize(("containers", "words"), OF_EVERY_LAUNCH_TYPE, ids=ids(OF_EVERY_LAUNCH_TYPE))
    def test_of_every_launch_type(self, ecs: Any, containers: list[dict[str, Any]], words: str) -> None:
        assert refused(ecs, *containers, **FARGATE) == words
        assert refused(ecs, *({"memory": 128, **one} for one in containers)) == words
        assert refused(ecs, *containers, memory="512", requiresCompatibilities=["EC2"]) == words

    @pytest.mark.parametrize(("containers", "words"), ON_FARGATE, ids=ids(ON_FARGATE))
    def test_what_fargate_has_not_where_it_is_required(
        self, ecs: Any, containers: list[dict[str, Any]], words: str
    ) -> None:
        assert refused(ecs, *containers, **FARGATE) == words
        assert refused(ecs, *containers, **{**FARGATE, "requiresCompatibilities": ["EC2", "FARGATE"]}) == words
        assert register(ecs, *containers, memory="512")
        assert register(ecs, *containers, memory="512", requiresCompatibilities=["EC2"], networkMode="bridge")

    @pytest.mark.parametrize(("task", "words"), TASKS_ON_FARGATE, ids=ids(TASKS_ON_FARGATE))
    def test_tasks_that_fargate_has_not(self, ecs: Any, task: dict[str, Any], words: str) -> None:
        assert refused(ecs, **given({**FARGATE, **task})) == words
        both = {**FARGATE, **task, "requiresCompatibilities": ["EC2", "FARGATE"]}
        assert refused(ecs, **given(both)) == words

    @pytest.mark.parametrize("mode", ["awsvpc", "host"])
    def test_ports_that_one_network_cannot_have(self, ecs: Any, mode: str) -> None:
        task = {"networkMode": mode, "memory": "512"}
        mapped = {"portMappings": [{"containerPort": 80, "hostPort": 8080}]}
        assert refused(ecs, mapped, **task) == f"When networkMode={mode}, {MISMATCH}"
        twice = ({"portMappings": [{"containerPort": 80}]}, {"name": "b", "portMappings": [{"containerPort": 80}]})
        assert refused(ecs, *twice, **task) == "TCP host port '80' is mapped multiple times in task."

    @pytest.mark.parametrize(
        "tags",
        [
            [{"key": str(number), "value": "x"} for number in range(51)],
            [{"key": "aws:x", "value": "x"}],
            [{"key": "x", "value": "1"}, {"key": "x", "value": "2"}],
            [{"value": "x"}],
        ],
        ids=["51", "reserved", "twice", "no key"],
    )
    def test_tags(self, ecs: Any, tags: list[dict[str, str]]) -> None:
        with pytest.raises(ClientError) as caught:
            register(ecs, **FARGATE, family="tagged", tags=tags)
        assert caught.value.response["Error"]["Code"] == "InvalidParameterException"
        assert ecs.list_task_definitions(familyPrefix="tagged")["taskDefinitionArns"] == []

    def test_a_range_of_ports_that_is_none_at_once(self, ecs: Any) -> None:
        mapped = {"portMappings": [{"containerPortRange": "1-99999999999"}]}
        assert refused(ecs, mapped, **FARGATE).startswith("container app has a containerPortRange of 1-99999999999")


class TestTakes:
    @pytest.mark.parametrize(
        ("container", "task"),
        [
            pytest.param(
                {"portMappings": [{"containerPort": 53}, {"containerPort": 53, "protocol": "udp"}]},
                {},
                id="both protocols",
            ),
            pytest.param({"memory": 64, "memoryReservation": 64}, {}, id="as much reserved as allowed"),
            pytest.param({"portMappings": [{"containerPort": 80, "hostPort": 0}]}, {}, id="any host port"),
            pytest.param({"secrets": [{"name": "A", "valueFrom": "${Imported}"}]}, {}, id="a placeholder"),
            pytest.param({"environmentFiles": [{"value": "arn:aws:s3:::b/x.env", "type": "s3"}]}, {}, id="file"),
            pytest.param(
                {"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]},
                {"volumes": [{"name": "v", "s3filesVolumeConfiguration": {"fileSystemArn": "arn:aws:s3files:::x"}}]},
                id="another kind of volume",
            ),
            pytest.param({}, {"inferenceAccelerators": [], "placementConstraints": []}, id="empty lists"),
            pytest.param({**FIRELENS, **ROUTER}, {}, id="a router that logs to itself"),
        ],
    )
    def test_on_fargate(self, ecs: Any, container: dict[str, Any], task: dict[str, Any]) -> None:
        assert register(ecs, container, **FARGATE, **task)

    def test_what_only_ec2_has(self, ecs: Any) -> None:
        container = {
            "memory": 128,
            "privileged": True,
            "links": ["db"],
            "hostname": "web",
            "linuxParameters": {"capabilities": {"add": ["NET_ADMIN"]}, "maxSwap": 0},
            "logConfiguration": {"logDriver": "syslog"},
            "portMappings": [{"containerPort": 80, "hostPort": 8080}],
            "ulimits": [{"name": "core", "softLimit": 0, "hardLimit": 0}],
            "stopTimeout": 600,
        }
        other = {"name": "db", "memory": 4, "portMappings": [{"containerPort": 80}]}
        volumes = [{"name": "v", "host": {"sourcePath": "/v"}}]
        constraints = [{"type": "memberOf", "expression": "attribute:ecs.os-type == linux"}]
        task = {"volumes": volumes, "placementConstraints": constraints, "pidMode": "host", "ipcMode": "host"}
        assert register(ecs, container, other, **task, networkMode="bridge", cpu="300")
        assert register(ecs, container, other, **task, requiresCompatibilities=["EC2"])

    def test_values_of_other_systems_and_judges_the_rest(self, ecs: Any) -> None:
        volume = {
            "name": "v",
            "fsxWindowsFileServerVolumeConfiguration": {
                "fileSystemId": "fs-1",
                "rootDirectory": "\\",
                "authorizationConfig": {"credentialsParameter": "arn:x", "domain": "d"},
            },
        }
        task = {"networkMode": "nat", "volumes": [volume], "memory": "512"}
        assert register(ecs, {"environment": [{"value": "x"}]}, **task)["taskDefinition"]["networkMode"] == "nat"
        assert refused(ecs, {"essential": False}, **task) == "Task definition doesn't have any essential container."

    def test_short_times_where_the_workspace_has_them(self, ecs: Any, workspace: Path) -> None:
        container = {"healthCheck": {**CHECK, "interval": 1, "timeout": 1}}
        assert refused(ecs, container, **FARGATE)
        settings = workspace / "copilot-local.toml"
        settings.write_text("[time]\necs_limits = false\n")
        try:
            assert register(ecs, container, **FARGATE)
        finally:
            settings.unlink()


@pytest.mark.skipif(not GOLDEN.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("name", CASES)
def test_what_copilot_registers_is_taken(name: str) -> None:
    """`test_copilot_parity` compares these definitions with Copilot's own."""
    refuse_wrong(render_task_definition(golden_service(CASES[name]), placeholders=True))
