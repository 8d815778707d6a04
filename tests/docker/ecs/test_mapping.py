"""What becomes of a container definition's fields: in Docker, and as the container itself sees it."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.docker.ecs.conftest import FOREVER, IMAGE, Tasks, script
from tests.docker.project import docker, wait_until

pytestmark = pytest.mark.docker

MIB = 1024 * 1024
DOCKERFILE = """
FROM {base}
ENV AWS_REGION=of-the-image OWN=of-the-image PLACE=of-the-image
RUN mkdir /seed && echo from the image > /seed/file
VOLUME /seed
WORKDIR /srv
HEALTHCHECK --interval=1s CMD false
ENTRYPOINT ["sh", "-c"]
CMD ["{forever}"]
"""
CHECK = {"command": ["CMD-SHELL", "true"], "interval": 5, "timeout": 60, "retries": 9, "startPeriod": 3}


@pytest.fixture(scope="module")
def image(local_image: Callable[[str], str]) -> Iterator[str]:
    """An image that sets everything that a container definition may override or leave."""
    name = f"cl-mapping-{uuid.uuid4().hex[:8]}"
    text = DOCKERFILE.format(base=local_image(IMAGE), forever=FOREVER)
    subprocess.run(["docker", "build", "-q", "-t", name, "-"], input=text.encode(), capture_output=True, check=True)
    yield name
    docker("image", "rm", "--force", name)


@pytest.fixture(scope="module")
def mapped(shared_tasks: Tasks, image: str) -> Tasks:
    """One task whose containers have every field that Fargate takes."""
    shared_tasks.up(
        {
            "app": script(
                FOREVER,
                cpu=128,
                memory=64,
                memoryReservation=32,
                user="1000:1001",
                workingDirectory="/tmp",
                environment=[{"name": "WHO", "value": "a b='c'"}],
                dockerLabels={"team": "a", "com.amazonaws.ecs.container-name": "forged"},
                readonlyRootFilesystem=True,
                ulimits=[{"name": "nofile", "softLimit": 1024, "hardLimit": 2048}],
                linuxParameters={
                    "initProcessEnabled": True,
                    "capabilities": {"add": ["SYS_PTRACE"], "drop": ["NET_RAW", "CHOWN"]},
                },
                interactive=True,
                healthCheck=CHECK,
                systemControls=[
                    {"namespace": "net.core.somaxconn", "value": "777"},
                    # Neither is here: both are skipped.
                    {"namespace": "net.ipv6.conf.eth1.accept_ra", "value": "0"},
                    {"namespace": "net.ipv4.no_such_parameter", "value": "1"},
                ],
                mountPoints=[
                    {"sourceVolume": "scratch", "containerPath": "/scratch"},
                    {"sourceVolume": "files", "containerPath": "/files", "readOnly": True},
                ],
                portMappings=[{"containerPort": 53, "protocol": "udp"}, {"containerPortRange": "9000-9002"}],
            ),
            "defaults": {"image": image},
            "entry": {"image": image, "entryPoint": ["sh", "-c", FOREVER], "memoryReservation": 16},
            "command": {"image": image, "command": [f"echo began; {FOREVER}"], "pseudoTerminal": True},
            "tool": script(
                f"httpd -p 127.0.0.1:7000 -h /tmp; {FOREVER}",
                healthCheck={"command": ["CMD-SHELL", "nc 127.0.0.1 7000 < /dev/null"], "interval": 5, "timeout": 60},
                mountPoints=[
                    {"sourceVolume": "scratch", "containerPath": "/shared"},
                    {"sourceVolume": "files", "containerPath": "/files"},
                    {"sourceVolume": "seeded", "containerPath": "/plain"},
                ],
            ),
            "guest": script(FOREVER, volumesFrom=[{"sourceContainer": "tool", "readOnly": True}]),
            "heir": script(FOREVER, volumesFrom=[{"sourceContainer": "defaults"}]),
            "same_port": script(
                f"httpd -f -p 127.0.0.1:7000 2> /answer; {FOREVER}",
                dependsOn=[{"containerName": "tool", "condition": "HEALTHY"}],
            ),
        },
        cpu="512",
        memory="1024",
        volumes=[
            {"name": "scratch"},
            {"name": "seeded"},
            {"name": "files", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}},
        ],
    )
    return shared_tasks


@pytest.fixture(scope="module")
def task(mapped: Tasks) -> dict[str, Any]:
    """DescribeTasks' view of it."""
    return mapped.newest()


def host(tasks: Tasks, name: str) -> dict[str, Any]:
    found: dict[str, Any] = tasks.inspect(name)["HostConfig"]
    return found


def variables(tasks: Tasks, name: str) -> dict[str, str]:
    lines = docker("exec", tasks.docker_name(name), "env").splitlines()
    return dict(line.partition("=")[::2] for line in lines)


def test_cpu_and_memory(mapped: Tasks) -> None:
    app, defaults = host(mapped, "app"), host(mapped, "defaults")
    assert (app["CpuShares"], defaults["CpuShares"]) == (128, 2)
    assert (app["Memory"], app["MemoryReservation"]) == (64 * MIB, 32 * MIB)
    assert host(mapped, "entry")["MemoryReservation"] == 16 * MIB


def test_the_limits_of_the_task_hold_for_all_containers(mapped: Tasks) -> None:
    driver, version = docker("info", "--format", "{{.CgroupDriver}} {{.CgroupVersion}}").split()
    nested = (driver, version) == ("cgroupfs", "1")
    limited = host(mapped, "pause" if nested else "defaults")
    assert (limited["NanoCpus"], limited["Memory"]) == (500_000_000, 1024 * MIB)
    if nested:
        assert host(mapped, "defaults")["CgroupParent"] == f"/docker/{mapped.inspect('pause')['Id']}"


def test_user_working_directory_and_root_file_system(mapped: Tasks) -> None:
    assert mapped.sh("app", "id -u; id -g; pwd").split() == ["1000", "1001", "/tmp"]
    assert "Read-only file system" in mapped.sh("app", "touch /x 2>&1; true")
    assert mapped.sh("defaults", "pwd; touch /x && echo written").split() == ["/srv", "written"]


def test_entry_point_and_command(mapped: Tasks) -> None:
    def made(name: str) -> tuple[list[str], list[str] | None]:
        config = mapped.inspect(name)["Config"]
        return config["Entrypoint"], config["Cmd"]

    assert made("defaults") == (["sh", "-c"], [FOREVER])
    assert made("entry") == (["sh", "-c", FOREVER], None), "an entry point drops the image's command"
    assert made("command") == (["sh", "-c"], [f"echo began; {FOREVER}"])


def test_open_files(mapped: Tasks) -> None:
    [limit] = [limit for limit in host(mapped, "app")["Ulimits"] if limit["Name"] == "nofile"]
    # runc may start a process with the soft limit raised to the hard one (its issue 4195).
    assert (limit["Soft"], limit["Hard"]) == (1024, 2048)
    assert mapped.sh("app", "ulimit -Hn").split() == ["2048"]
    # A daemon that may not raise the limit to Fargate's gives the most that it may, and `up` says so.
    assert mapped.sh("defaults", "ulimit -n").strip() in ("65535", "16384")


def test_capabilities(mapped: Tasks) -> None:
    def bits(name: str) -> int:
        return int(mapped.sh(name, "grep CapBnd /proc/1/status").split()[1], 16)

    chown, net_raw, ptrace = 1 << 0, 1 << 13, 1 << 19
    assert bits("app") & (chown | net_raw | ptrace) == ptrace
    assert bits("defaults") & (chown | net_raw | ptrace) == chown, "see docs/understand/isolation.md for net_raw"


def test_init_process_standard_input_and_terminal(mapped: Tasks) -> None:
    assert "init" in mapped.sh("app", "cat /proc/1/comm")
    assert mapped.sh("defaults", "cat /proc/1/comm").strip() == "sh"
    assert [mapped.inspect(name)["Config"]["OpenStdin"] for name in ("app", "defaults")] == [True, False]
    assert [mapped.inspect(name)["Config"]["Tty"] for name in ("command", "defaults")] == [True, False]


def test_labels_of_ecs_win_over_those_of_the_definition(mapped: Tasks, task: dict[str, Any]) -> None:
    labels = mapped.inspect("app")["Config"]["Labels"]
    assert {name: labels[name] for name in labels if name == "team" or name.startswith("com.amazonaws.ecs.")} == {
        "team": "a",
        "com.amazonaws.ecs.task-arn": task["taskArn"],
        "com.amazonaws.ecs.container-name": "app",
        "com.amazonaws.ecs.task-definition-family": "demo",
        "com.amazonaws.ecs.task-definition-version": "1",
        "com.amazonaws.ecs.cluster": task["clusterArn"],
    }


def test_variables(mapped: Tasks, task: dict[str, Any]) -> None:
    app, defaults = variables(mapped, "app"), variables(mapped, "defaults")
    assert app["WHO"] == "a b='c'"
    assert app["AWS_EXECUTION_ENV"] == "AWS_ECS_FARGATE"
    assert app["AWS_REGION"] == app["AWS_DEFAULT_REGION"] == task["taskArn"].split(":")[3]
    assert (defaults["AWS_REGION"], "AWS_DEFAULT_REGION" in defaults) == ("of-the-image", False)
    assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in app
    assert app["ECS_CONTAINER_METADATA_URI_V4"].startswith(
        f"http://169.254.170.2/v4/{task['taskArn'].rpartition('/')[2]}-"
    )
    assert app["ECS_CONTAINER_METADATA_URI_V4"] != defaults["ECS_CONTAINER_METADATA_URI_V4"]


def test_health_checks_and_that_of_the_image_is_off(mapped: Tasks, task: dict[str, Any]) -> None:
    second = 1_000_000_000
    assert mapped.inspect("app")["Config"]["Healthcheck"] == {
        "Test": ["CMD-SHELL", "true"],
        "Interval": 5 * second,
        "Timeout": 60 * second,
        "Retries": 9,
        "StartPeriod": 3 * second,
    }
    assert mapped.inspect("defaults")["Config"]["Healthcheck"]["Test"] == ["NONE"]
    assert {c["name"]: c["healthStatus"] for c in task["containers"]}["defaults"] == "UNKNOWN"
    assert task["healthStatus"] == "UNKNOWN", "an essential container without a check leaves it so"


def test_volumes(mapped: Tasks) -> None:
    mapped.sh("tool", "echo hello > /shared/note; echo kept > /files/note")
    assert mapped.sh("guest", "cat /shared/note /files/note").split() == ["hello", "kept"]
    assert "Read-only" in mapped.sh("guest", "touch /shared/x 2>&1; true"), "volumesFrom was read-only"
    assert "Read-only" in mapped.sh("app", "touch /files/x 2>&1; true"), "readOnly of a mount point"
    assert mapped.sh("app", "cat /files/note /scratch/note").split() == ["kept", "hello"]
    assert mapped.sh("heir", "cat /seed/file").strip() == "from the image", "volumes that an image declares go along"
    assert mapped.sh("tool", "stat -c '%U:%G %a' /plain").strip() == "root:root 755"
    shared = [name for name in mapped.project.volumes() if name.endswith("-efs-fs-1")]
    assert len(shared) == 1
    owned = json.loads(docker("volume", "inspect", _volume(mapped, "/shared")))[0]["Labels"]
    assert owned["copilot-local.task"] == mapped.inspect("pause")["Config"]["Labels"]["copilot-local.task"]


def _volume(tasks: Tasks, target: str) -> str:
    return next(str(mount["Name"]) for mount in tasks.inspect("tool")["Mounts"] if mount["Destination"] == target)


def test_one_network_that_pause_owns(mapped: Tasks) -> None:
    pause = mapped.inspect("pause")
    assert {host(mapped, name)["NetworkMode"] for name in ("app", "defaults", "tool")} == {f"container:{pause['Id']}"}
    names = mapped.sh("app", "hostname").strip()
    assert names.startswith("ip-")
    assert names == mapped.sh("tool", "hostname").strip() == pause["Config"]["Hostname"]
    assert pause["HostConfig"]["NetworkMode"] == f"cl-{mapped.project.app}-test"


def test_localhost_is_shared_and_has_no_second_address(mapped: Tasks) -> None:
    assert "404" in mapped.sh("app", "wget -qO- http://localhost:7000/nothing 2>&1; true"), "no port was mapped"
    lines = [line.split() for line in mapped.sh("app", "cat /etc/hosts").splitlines()]
    assert [words[0] for words in lines if "localhost" in words] == ["127.0.0.1"]
    assert mapped.sh("app", "cat /proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null || echo 1").strip() == "1"
    assert [words[0] for words in lines if any(word.startswith("ip-") for word in words)] == [
        mapped.inspect("pause")["NetworkSettings"]["Networks"][f"cl-{mapped.project.app}-test"]["IPAddress"]
    ]


def test_container_names_do_not_resolve(mapped: Tasks) -> None:
    assert "can't resolve" in mapped.sh("app", 'nslookup tool 2>&1 | sed "s/.*NXDOMAIN.*/can\'t resolve/"; true')


def test_the_second_to_take_a_port_is_refused_by_the_kernel(mapped: Tasks) -> None:
    wait_until(lambda: "Address already in use" in mapped.sh("same_port", "cat /answer 2>&1; true"), "the refusal")


def test_kernel_parameters_of_the_network_hold_for_every_container(mapped: Tasks) -> None:
    assert mapped.sh("defaults", "cat /proc/sys/net/core/somaxconn").strip() == "777"
