"""How a task stops, who is started again by its restart policy, what becomes of unhealthy tasks, and the namespace of a
task's processes: each test runs its own task definition in the environment of the file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.docker.ecs.conftest import FOREVER, Tasks, id_of, script
from tests.docker.project import DockerEvents, docker, wait_until

pytestmark = pytest.mark.docker

HUNGRY = "trap 'exit 0' TERM; while [ ! -e /go ]; do sleep 0.5; done; tail /dev/zero"
"""Takes memory without end once it is told to."""
DEAF = "trap '' TERM; while :; do sleep 1; done"


@pytest.fixture
def tasks(shared_tasks: Tasks) -> Tasks:
    return shared_tasks


def after(name: str) -> dict[str, Any]:
    return {"dependsOn": [{"containerName": name, "condition": "START"}]}


def policy(period: int, *ignored: int) -> dict[str, Any]:
    return {"restartPolicy": {"enabled": True, "restartAttemptPeriod": period, "ignoredExitCodes": list(ignored)}}


def counted(then: str) -> str:
    """A script that notes each start in its own file system, so that a new container would begin anew. The second time
    it stays."""
    return f"echo started >> /starts; [ $(wc -l < /starts) = 1 ] || {{ {FOREVER}; }}; {then}"


def starts(tasks: Tasks, name: str) -> int:
    name = tasks.docker_name(name)
    return docker("cp", f"{name}:/starts", "-", check=False).count("started")


def test_the_exit_of_an_essential_container_stops_its_task_and_zero_is_an_exit_too(tasks: Tasks) -> None:
    """A service's task is replaced; what is not essential may exit, or fail to start."""
    tasks.up(
        {
            "main": script(FOREVER),
            "job": script("exit 5", essential=False),
            "broken": {"image": "busybox:1.37", "command": ["/nothing/here"], "essential": False},
            "hungry": script(HUNGRY, memory=16, essential=False),
        }
    )
    tasks.sh("hungry", "touch /go")
    # Docker tells the reason by an event of its own.
    tasks.until(lambda found: found["hungry"]["lastStatus"] == "STOPPED" and "reason" in found["hungry"], "its end")
    found = tasks.containers()
    assert found["hungry"]["exitCode"] == 137
    assert found["hungry"]["reason"] == "OutOfMemoryError: Container killed due to memory usage"
    assert (found["job"]["lastStatus"], found["job"]["exitCode"]) == ("STOPPED", 5)
    assert (found["broken"]["lastStatus"], found["broken"]["exitCode"]) == ("STOPPED", 143)
    assert found["broken"]["reason"].startswith("CannotStartContainerError: ")
    assert "/nothing/here" in found["broken"]["reason"]
    assert tasks.newest()["lastStatus"] in ("ACTIVATING", "RUNNING")
    old = tasks.id()
    docker("kill", "--signal", "TERM", tasks.docker_name("main"))
    tasks.until(lambda found: tasks.id() != old and found["main"]["lastStatus"] == "RUNNING", "a new task")
    stopped = tasks.stopped(old)
    assert stopped["desiredStatus"] == "STOPPED"
    assert stopped["stopCode"] == "EssentialContainerExited"
    assert stopped["stoppedReason"] == "Essential container in task exited"
    assert {c["name"]: c.get("exitCode") for c in stopped["containers"]}["main"] == 0
    lines = [json.loads(line) for line in tasks.project.run("events", "-e", "test").ok().out.splitlines()]
    events = [line["detail"] for line in lines if line["detail-type"] == "ECS Task State Change"]
    states = [event["lastStatus"] for event in events if event["taskArn"].endswith(old)]
    assert list(dict.fromkeys(states))[-1] == "STOPPED"
    assert "RUNNING" in states


def test_restart_policies_start_the_same_container_again_before_the_task_is_judged(tasks: Tasks) -> None:
    tasks.up(
        {
            "main": script(counted("sleep 2; exit 1"), **policy(1)),  # essential
            "zero": script(counted("sleep 2"), essential=False, **policy(1)),
            "young": script(counted("exit 1"), essential=False, **policy(60)),
            "ignored": script(counted("sleep 2; exit 7"), essential=False, **policy(1, 7)),
        }
    )
    before = tasks.id(), tasks.inspect("main")["Id"]
    wait_until(lambda: starts(tasks, "main") > 1 and starts(tasks, "zero") > 1, "a second start")
    assert (tasks.id(), tasks.inspect("main")["Id"]) == before
    assert [id_of(one) for one in tasks.describe() if one["lastStatus"] != "STOPPED"] == [before[0]]
    tasks.until(lambda found: found["ignored"]["lastStatus"] == "STOPPED", "the end of ignored")
    assert (starts(tasks, "young"), starts(tasks, "ignored")) == (1, 1)
    assert [tasks.containers()[name]["exitCode"] for name in ("young", "ignored")] == [1, 7]


def test_a_process_namespace_of_the_task(tasks: Tasks) -> None:
    tasks.up({"main": script(FOREVER), "side": script("exec sleep 3600")}, pidMode="task")
    assert "sleep 3600" in tasks.sh("main", "ps")
    assert "sleep 86400" in tasks.sh("side", "tr '\\0' ' ' < /proc/1/cmdline"), "pause is the first process"
    tasks.sh("side", "(sleep 0.123 &)")

    def is_gone() -> bool:
        dead = tasks.sh("main", "cat /proc/[0-9]*/stat | cut -d ' ' -f 3,4 | grep -c 'Z 1$' || true")
        return "sleep 0.123" not in tasks.sh("main", "ps") and dead.strip() == "0"

    wait_until(is_gone, "the end of what lost its parent")


def test_containers_stop_in_reverse_order_each_with_its_own_timeout_and_pause_last(tasks: Tasks) -> None:
    tasks.up(
        {
            "base": script("trap 'exit 7' TERM; sleep 3600 & wait", stopTimeout=60),
            "deaf": script(DEAF, stopTimeout=1, **after("base")),
            "last": script(DEAF, stopTimeout=1, **after("deaf")),
            "beside": script(FOREVER),
        }
    )
    events = DockerEvents(tasks.project)
    tasks.project.run("down", "-e", "test").ok()
    wait_until(lambda: "pause" in events.actions("die"), "the end of pause")
    died = [name for name in events.actions("die") if name not in ("agent", "front", "beside")]
    assert died == ["last", "deaf", "base", "pause"]
    codes = events.codes()
    assert (codes["last"], codes["deaf"], codes["base"], codes["beside"]) == (137, 137, 7, 0)
    told = [name for name in events.actions("kill") if name in ("last", "deaf", "base")]
    # The second signal of a deaf one comes before the first of the next: its timeout began at its own turn.
    assert told == ["last", "last", "deaf", "deaf", "base"]
    assert events.actions("die").index("beside") < events.actions("die").index("base")
    events.close()


def test_health_is_that_of_essential_containers_and_an_unhealthy_task_is_replaced(tasks: Tasks) -> None:
    check = {"command": ["CMD-SHELL", "test ! -e /sick"], "interval": 1, "timeout": 60, "retries": 1}
    fails = {"command": ["CMD-SHELL", "exit 1"], "interval": 1, "timeout": 2, "retries": 1}
    tasks.up(
        {
            "main": script(FOREVER, healthCheck=check),
            "helper": script(FOREVER, essential=False, healthCheck=fails),
            "started": script(FOREVER, essential=False, healthCheck={**fails, "startPeriod": 300}),
        }
    )
    tasks.until(lambda found: found["helper"]["healthStatus"] == "UNHEALTHY", "a helper that is unhealthy")
    tasks.until(lambda found: found["main"]["healthStatus"] == "HEALTHY", "a healthy main container")
    assert (tasks.newest()["healthStatus"], tasks.containers()["started"]["healthStatus"]) == ("HEALTHY", "UNKNOWN")
    old = tasks.id()
    tasks.sh("main", "touch /sick")
    wait_until(lambda: tasks.id() != old, "a new task")
    stopped = tasks.stopped(old)
    assert stopped["stopCode"] == "ServiceSchedulerInitiated"
    assert stopped["stoppedReason"] == "Task failed container health checks"
