"""What RegisterTaskDefinition and Fargate refuse of a task definition, each with words that say what."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.ecs.registration import judge
from emulator.ecs.task_definition import TaskDefinition
from emulator.model import from_plain

CHECK = {"command": ["CMD-SHELL", "true"]}
AWSLOGS = {"awslogs-group": "/g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}


def definition(*containers: dict[str, Any], **task: Any) -> TaskDefinition:
    """`web` with these fields, and further containers of their own names."""
    first, *others = containers or ({},)
    rows = [{"name": "web", "image": "web", **first}, *({"image": "x", **other} for other in others)]
    return from_plain(TaskDefinition, {"family": "demo", "containerDefinitions": rows, **task})


def messages(found: TaskDefinition) -> list[str]:
    verdict = judge(found)
    return [problem.message for problem in (*verdict.refused, *verdict.short)]


def waits(name: str, condition: str) -> dict[str, Any]:
    return {"dependsOn": [{"containerName": name, "condition": condition}]}


CONTAINER: dict[str, dict[str, Any]] = {
    "is privileged, which Fargate refuses": {"privileged": True},
    "uses links, which Fargate refuses": {"links": ["db"]},
    "uses hostname, which Fargate refuses": {"hostname": "web"},
    "uses disableNetworking, which Fargate refuses": {"disableNetworking": True},
    "uses dnsServers, which Fargate refuses": {"dnsServers": ["1.1.1.1"]},
    "uses dnsSearchDomains, which Fargate refuses": {"dnsSearchDomains": ["local"]},
    "uses extraHosts, which Fargate refuses": {"extraHosts": [{"hostname": "db", "ipAddress": "10.0.0.1"}]},
    "uses dockerSecurityOptions, which Fargate refuses": {"dockerSecurityOptions": ["no-new-privileges"]},
    "uses resourceRequirements, which Fargate refuses": {"resourceRequirements": [{"type": "GPU", "value": "1"}]},
    "uses linuxParameters.sharedMemorySize, which": {"linuxParameters": {"sharedMemorySize": 64}},
    "uses linuxParameters.tmpfs, which": {"linuxParameters": {"tmpfs": [{"containerPath": "/t", "size": 1}]}},
    "uses linuxParameters.devices, which": {"linuxParameters": {"devices": [{"hostPath": "/dev/fuse"}]}},
    "uses linuxParameters.maxSwap, which": {"linuxParameters": {"maxSwap": 0}},
    "uses linuxParameters.swappiness, which": {"linuxParameters": {"swappiness": 0}},
    "adds NET_ADMIN; Fargate lets a container add SYS_PTRACE alone": {
        "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE", "NET_ADMIN"]}}
    },
    "sets the ulimit core; Fargate": {"ulimits": [{"name": "core", "softLimit": 0, "hardLimit": 0}]},
    "has a name that ECS does not take": {"name": "web.1"},
    "has a memory of 4 MiB; 6 is the least": {"memory": 4},
    "memory must not be below memoryReservation": {"memory": 64, "memoryReservation": 65},
    "the host ports and container ports in port mappings must match": {
        "portMappings": [{"containerPort": 80, "hostPort": 8080}]
    },
    "maps port 70000; ports are 1 to 65535": {"portMappings": [{"containerPort": 70000}]},
    "maps port 0; ports are 1 to 65535": {"portMappings": [{"containerPort": 0}]},
    "has a variable with the name ''": {"environment": [{"name": "", "value": "x"}]},
    "has a variable with the name 'a=b'": {"environment": [{"name": "a=b", "value": "x"}]},
    "exactly one of containerPort and containerPortRange": {"portMappings": [{"protocol": "tcp"}]},
    "has a containerPortRange of 90-80": {"portMappings": [{"containerPortRange": "90-80"}]},
    "maps port 53, which web maps already": {
        "portMappings": [{"containerPort": 53}, {"containerPort": 53, "protocol": "udp"}]
    },
    "sets vm.swappiness": {"systemControls": [{"namespace": "vm.swappiness", "value": "1"}]},
    "Invalid volume referenced: data": {"mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}]},
    "takes volumes from db, which is not there": {"volumesFrom": [{"sourceContainer": "db"}]},
    "set on the container, such as 'KEY'": {
        "environment": [{"name": "KEY", "value": "x"}],
        "secrets": [{"name": "KEY", "valueFrom": "/key"}],
    },
    "has 11 environment files; ECS takes 10 at most": {
        "environmentFiles": [{"value": f"arn:aws:s3:::b/{number}.env"} for number in range(11)]
    },
    "does not end in .env: arn:aws:s3:::b/x.txt": {"environmentFiles": [{"value": "arn:aws:s3:::b/x.txt"}]},
    "logs with json-file, which Fargate refuses": {"logConfiguration": {"logDriver": "json-file"}},
    "logs with awslogs without awslogs-region, awslogs-stream-prefix": {
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/g"}}
    },
    "logs with awsfirelens, but no container has a firelensConfiguration": {
        "logConfiguration": {"logDriver": "awsfirelens", "options": {"Name": "null"}}
    },
    "has a health check interval of 301 s; ECS takes 5 to 300": {"healthCheck": {**CHECK, "interval": 301}},
    "has a health check timeout of 61 s; ECS takes 2 to 60": {"healthCheck": {**CHECK, "timeout": 61}},
    "has a health check startPeriod of 301 s; ECS takes 0 to 300": {"healthCheck": {**CHECK, "startPeriod": 301}},
    "has a health check with 11 retries": {"healthCheck": {**CHECK, "retries": 11}},
    "has a health check without a command": {"healthCheck": {"command": ["CMD-SHELL"]}},
    "has a startTimeout of 121 s; Fargate takes 2 to 120": {"startTimeout": 121},
    "has a stopTimeout of 121 s; Fargate takes 2 to 120": {"stopTimeout": 121},
    "ignores 51 exit codes; ECS takes 50 at most": {
        "restartPolicy": {"enabled": True, "ignoredExitCodes": list(range(51))}
    },
    "has a restartAttemptPeriod of 1801 s; ECS takes 60 to 1800": {
        "restartPolicy": {"enabled": True, "restartAttemptPeriod": 1801}
    },
    "depends on db, which is not there": waits("db", "START"),
    "containers wait for each other: web → web": waits("web", "START"),
}

TASK: dict[str, dict[str, Any]] = {
    "network mode bridge is not Fargate's": {"networkMode": "bridge"},
    "ipcMode is for EC2": {"ipcMode": "task"},
    "pidMode host is for EC2": {"pidMode": "host"},
    "ephemeralStorage of 20 GiB; Fargate takes 21 to 200": {"ephemeralStorage": {"sizeInGiB": 20}},
    "volume data is a host path, which Fargate refuses": {"volumes": [{"name": "data", "host": {"sourcePath": "/d"}}]},
    "volume data is a Docker volume, which Fargate refuses": {
        "volumes": [{"name": "data", "dockerVolumeConfiguration": {"scope": "task"}}]
    },
    "Fargate requires that 'cpu' be defined at the task level": {"requiresCompatibilities": ["FARGATE"]},
    "Fargate requires that 'memory' be defined at the task level": {"cpu": "256"},
    "'a b' is no family": {"family": "a b"},
}


@pytest.mark.parametrize("words", CONTAINER)
def test_a_container_is_refused_with_words_that_say_why(words: str) -> None:
    [message] = messages(definition(CONTAINER[words]))
    assert words in message
    assert message.startswith(("container ", "containers "))


@pytest.mark.parametrize("words", TASK)
def test_a_task_is_refused_with_words_that_say_why(words: str) -> None:
    assert messages(definition(**TASK[words])) == [next(m for m in messages(definition(**TASK[words])) if words in m)]


@pytest.mark.parametrize(
    ("containers", "words"),
    [
        pytest.param([{}, {"name": "web"}], "2 containers are called web", id="two of one name"),
        pytest.param([{"essential": False}], "no container is essential", id="none essential"),
        pytest.param([{}, *({"name": f"c{n}"} for n in range(10))], "11 containers; a task has 10", id="too many"),
        pytest.param(
            [
                {"portMappings": [{"containerPort": 81}]},
                {"name": "b", "portMappings": [{"containerPortRange": "80-82"}]},
            ],
            "container b maps port 81, which web maps already",
            id="a port twice",
        ),
        pytest.param(
            [waits("db", "HEALTHY"), {"name": "db"}],
            "container web waits for db to be HEALTHY, but db has no health check",
            id="no health check",
        ),
        pytest.param(
            [waits("db", "SUCCESS"), {"name": "db"}],
            "a dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
            id="an essential one is to complete",
        ),
        pytest.param(
            [waits("b", "START"), {"name": "b", **waits("web", "START")}],
            "containers wait for each other: ",
            id="a circle",
        ),
        pytest.param(
            [
                {"firelensConfiguration": {"type": "fluentbit"}},
                {"name": "b", "firelensConfiguration": {"type": "fluentbit"}},
            ],
            "web and b have a firelensConfiguration",
            id="two log routers",
        ),
    ],
)
def test_containers_are_refused_together(containers: list[dict[str, Any]], words: str) -> None:
    [message] = messages(definition(*containers))
    assert words in message


@pytest.mark.parametrize(
    ("cpu", "memory", "words"),
    [
        ("300", "512", "Invalid 'cpu' setting for task: 300"),
        ("256", "3072", "No Fargate configuration exists for given values"),
        ("8192", "20000", "No Fargate configuration exists for given values"),
        ("much", "512", "neither CPU units"),
        ("256", "9" * 400, "neither MiB"),
        ("256", "512", None),
        (".25 vCPU", "0.5GB", None),
        ("4096", "30720", None),
        ("8192", "61440", None),
        ("16 vCPU", "120 GB", None),
    ],
)
def test_task_sizes(cpu: str, memory: str, words: str | None) -> None:
    found = messages(definition(cpu=cpu, memory=memory))
    assert found == [] if words is None else words in found[0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cpu": 257}, "the containers' cpu adds up to 257, more than the task's 256"),
        ({"memoryReservation": 513}, "the containers' memory adds up to 513 MiB, more than the task's 512"),
        ({"memory": 1024, "memoryReservation": 8}, "container web has 1024 MiB of memory, its task 512"),
    ],
)
def test_containers_fit_into_their_task(fields: dict[str, Any], words: str) -> None:
    assert messages(definition(fields, cpu="256", memory="512")) == [words]


@pytest.mark.parametrize(
    "fields",
    [
        {"healthCheck": {**CHECK, "interval": 1, "timeout": 1}},
        {"startTimeout": 1},
        {"stopTimeout": 0},
        {"restartPolicy": {"enabled": True, "restartAttemptPeriod": 1}},
    ],
)
def test_times_that_are_merely_short_are_kept_apart(fields: dict[str, Any]) -> None:
    verdict = judge(definition(fields))
    assert verdict.refused == ()
    assert verdict.short


def test_what_fargate_takes_is_taken() -> None:
    web = {
        "linuxParameters": {"initProcessEnabled": True, "capabilities": {"add": ["SYS_PTRACE"], "drop": ["ALL"]}},
        "ulimits": [{"name": "nofile", "softLimit": 1024, "hardLimit": 2048}],
        "systemControls": [{"namespace": "net.core.somaxconn", "value": "512"}],
        "portMappings": [{"containerPort": 80, "hostPort": 80}, {"containerPortRange": "8000-8010"}],
        "memory": 64,
        "memoryReservation": 64,
        "mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": True}],
        "healthCheck": {**CHECK, "interval": 5, "timeout": 2, "retries": 10, "startPeriod": 300},
        "restartPolicy": {"enabled": True, "restartAttemptPeriod": 60},
        "startTimeout": 2,
        "stopTimeout": 120,
        "logConfiguration": {"logDriver": "awslogs", "options": AWSLOGS},
        "volumesFrom": [{"sourceContainer": "db"}],
        **waits("db", "SUCCESS"),
    }
    task = {"cpu": "256", "memory": "512", "pidMode": "task", "volumes": [{"name": "data"}]}
    assert messages(definition(web, {"name": "db", "essential": False}, **task)) == []
