"""What DescribeTasks and ECS's events say of a task, from its first container to its last."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from emulator.agent.load_balancer.front_monitor import FailingTarget
from emulator.agent.scheduler.history import Stop, TaskHistory, stop_for
from emulator.agent.scheduler.unhealthy_tasks import Unhealthy, given_up
from emulator.engine.interface import EngineEvent, Health
from emulator.runtime.state import names
from emulator.runtime.state.observed import sort_containers
from tests.unit.runtime.world import BORN, World, make_service, nginx_sidecar


def statuses(history: TaskHistory) -> list[str]:
    """The task's states in the order of the events, each once."""
    found = [event["detail"]["lastStatus"] for event in history.events(follow=False)]
    return [status for index, status in enumerate(found) if index == 0 or found[index - 1] != status]


def look(history: TaskHistory, world: World, registered: bool = False) -> None:
    ids = frozenset(world.observed.tasks) if registered else frozenset[str]()
    history.look(world.state, world.observed, ids)


def test_a_life_from_provisioning_to_stopped() -> None:
    history = TaskHistory()
    world = World(nginx_sidecar())
    for states in ({"pause": "created", "hello": None, "nginx": None}, {"hello": "created", "nginx": "created"}, {}):
        world = World(nginx_sidecar())
        task_id = world.runs_task(states=states)
        look(history, world)
    look(history, world, registered=True)
    history.stopping(task_id, stop_for("essential container hello exited with code 3"))
    world = World(nginx_sidecar())
    world.runs_task(states={"hello": 3})
    look(history, world)
    world = World(nginx_sidecar())
    world.runs_task(states={"hello": 3, "nginx": 0})
    look(history, world)
    look(history, World(nginx_sidecar()))
    assert statuses(history) == [
        "PROVISIONING",
        "PENDING",
        "ACTIVATING",
        "RUNNING",
        "STOPPING",
        "DEPROVISIONING",
        "STOPPED",
    ]
    [task] = history.tasks()
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert {c["name"]: c["exitCode"] for c in task["containers"]} == {"hello": 3, "nginx": 0}
    assert task["createdAt"] <= task["startedAt"] <= task["stoppingAt"] <= task["stoppedAt"]


def test_a_container_is_shown_as_its_task_definition_has_it() -> None:
    """Whatever image stands in for its own here."""
    world = World(make_service({"hello": {"image": "registry.example/hello:3", "cpu": 128, "memory": 64}}))
    world.state.services["hello"].options.images["hello"] = "sha256:1"
    task_id = world.runs_task()
    history = TaskHistory()
    look(history, world)
    [task] = history.tasks()
    [container] = task["containers"]
    assert (container["image"], container["cpu"], container["memory"]) == ("registry.example/hello:3", "128", "64")
    assert container["containerArn"].startswith(f"arn:aws:ecs:us-east-1:000000000000:container/demo-test/{task_id}/")
    [interface] = task["attachments"]
    assert {"name": "privateIPv4Address", "value": "172.30.0.1"} in interface["details"]


@pytest.mark.parametrize("size", [("256", "512"), (".25 vCPU", "0.5 GB")])
def test_a_task_has_what_describe_tasks_has(size: tuple[str, str]) -> None:
    world = World(make_service(cpu=size[0], memory=size[1]))
    task_id = world.runs_task()
    history = TaskHistory()
    named = dict.fromkeys(world.observed.tasks, "ecs-svc/1234567890123456789")
    history.look(world.state, world.observed, deployments=named)
    [task] = history.tasks()
    assert (task["cpu"], task["memory"], task["ephemeralStorage"]) == ("256", "512", {"sizeInGiB": 20})
    assert (task["group"], task["startedBy"]) == ("service:hello", "ecs-svc/1234567890123456789")
    assert (task["availabilityZone"], task["platformFamily"]) == ("us-east-1a", "Linux")
    assert (task["connectivity"], task["overrides"]["containerOverrides"]) == ("CONNECTED", [{"name": "hello"}])
    assert task["createdAt"] <= task["pullStartedAt"] <= task["pullStoppedAt"]
    [interface] = task["attachments"]
    details = {one["name"]: one["value"] for one in interface["details"]}
    assert details["privateDnsName"] == "ip-00000001.ec2.internal"
    assert {"subnetId", "networkInterfaceId", "privateIPv4Address"} <= details.keys()
    [container] = task["containers"]
    assert container["networkInterfaces"] == [{"attachmentId": interface["id"], "privateIpv4Address": "172.30.0.1"}]
    history.stopping(task_id, Stop("UserInitiated", "Task stopped by user"))
    look(history, World(make_service(cpu="256", memory="512")))
    [task] = history.tasks()
    assert [one["status"] for one in task["attachments"]] == ["DELETED"]
    assert task["createdAt"] <= task["stoppingAt"] <= task["executionStoppedAt"] <= task["stoppedAt"]


def test_a_one_off_task_has_the_group_of_its_family_and_stops_by_its_own_exit() -> None:
    """What it is made from is known from the command that runs it."""
    nightly = World(make_service(name="nightly", type="Scheduled Job", cpu="512", memory="1024"))
    nightly.runs_task("nightly", {"nightly": 3})
    marked = [
        replace(container, labels={**container.labels, names.ONE_OFF: "true"}) for container in nightly.containers
    ]
    other, history = World(make_service()), TaskHistory()
    made_from = (nightly.state.services["nightly"],)
    listed = sort_containers(marked)
    named = dict.fromkeys(listed.tasks, "ecs-svc/1")
    history.look(other.state, listed, one_offs=made_from, deployments=named)
    history.look(other.state, other.observed, one_offs=())
    [task] = history.tasks()
    assert (task["group"], task["cpu"], task["memory"]) == ("family:demo-test-nightly", "512", "1024")
    assert "startedBy" not in task
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert [one["exitCode"] for one in task["containers"]] == [3]


@pytest.mark.parametrize("told_late", [False, True])
def test_a_container_that_is_removed_as_soon_as_it_has_stopped_has_its_exit_code(told_late: bool) -> None:
    history = TaskHistory()
    world = World(make_service())
    task_id = world.runs_task()
    look(history, world)
    container = world.observed.tasks[task_id].members["hello"].container.id
    if told_late:
        look(history, World(make_service()))
    history.happened(EngineEvent("die", container, {"exitCode": "137"}, datetime.now(UTC)))
    look(history, World(make_service()))
    [task] = history.tasks()
    assert [c["exitCode"] for c in task["containers"]] == [137]


def test_the_reason_of_a_task_says_that_its_container_was_killed_for_memory() -> None:
    """The container that was killed, and not one beside it that was stopped or that shares its memory."""
    history = TaskHistory()
    world = World(nginx_sidecar())
    task_id = world.runs_task()
    look(history, world)
    members = world.observed.tasks[task_id].members
    ids = {name: member.container.id for name, member in members.items()}
    for action, name, more in [
        ("oom", "nginx", {}),
        ("oom", "hello", {}),
        ("die", "hello", {"exitCode": "137"}),
        ("kill", "nginx", {"signal": "15"}),
        ("die", "nginx", {"exitCode": "143"}),
    ]:
        history.happened(EngineEvent(action, ids[name], more, datetime.now(UTC)))
    reason = "essential container hello exited with code 137"
    history.stopping(task_id, stop_for(reason))
    look(history, World(nginx_sidecar()))
    [task] = history.tasks()
    killed = "OutOfMemoryError: Container killed due to memory usage"
    assert {c["name"]: c.get("reason") for c in task["containers"]} == {"hello": killed, "nginx": None}
    assert history.with_memory(task_id, reason) == f"{reason}: {killed}"
    assert history.with_memory(task_id, f"{reason}: {killed}") == f"{reason}: {killed}"
    assert history.with_memory(task_id, "its definition changed") == "its definition changed"


@pytest.mark.parametrize(
    ("code", "signal", "later", "killed"),
    [
        pytest.param("137", "", timedelta(milliseconds=300), True, id="an instant later"),
        pytest.param("137", "", timedelta(seconds=2), False, id="of a neighbour, later"),
        pytest.param("137", "9", timedelta(milliseconds=300), False, id="of one that was killed by a user"),
        pytest.param("1", "", timedelta(milliseconds=300), False, id="of one that exited by itself"),
    ],
)
def test_docker_may_tell_of_the_want_of_memory_after_the_end(
    code: str, signal: str, later: timedelta, killed: bool
) -> None:
    history = TaskHistory()
    world = World(nginx_sidecar())
    task_id = world.runs_task()
    container = world.observed.tasks[task_id].members["hello"].container
    look(history, world)
    now = datetime.now(UTC)
    if signal:
        history.happened(EngineEvent("kill", container.id, {"signal": signal}, now))
    history.happened(EngineEvent("die", container.id, {"exitCode": code}, now))
    look(history, World(nginx_sidecar()))
    history.happened(EngineEvent("oom", container.id, {}, now + later))
    [task] = history.tasks()
    [reason] = [one.get("reason") for one in task["containers"] if one["name"] == "hello"]
    assert reason == ("OutOfMemoryError: Container killed due to memory usage" if killed else None)


def test_tasks_that_failed_one_after_the_other_are_counted_up_to_one_that_was_stopped() -> None:
    history = TaskHistory()
    crash = "essential container hello exited with code 137"
    world = World(make_service())
    for reason in (crash, "its definition changed", crash, crash):
        history.stopping(world.runs_task(), stop_for(reason))
        look(history, world)
    look(history, World(make_service()))
    assert len(history.tasks()) == 4
    assert history.failed_in_a_row("hello") == 2
    assert history.failed_in_a_row("web") == 0


def test_a_draining_task_is_deactivating() -> None:
    history = TaskHistory()
    world = World(nginx_sidecar())
    task_id = world.runs_task()
    history.stopping(task_id, Stop("ServiceSchedulerInitiated", "its definition changed"))
    history.look(world.state, world.observed, frozenset(), frozenset({task_id}))
    assert history.tasks()[0]["lastStatus"] == "DEACTIVATING"
    assert history.tasks()[0]["desiredStatus"] == "STOPPED"


def test_the_first_reason_stays() -> None:
    history = TaskHistory()
    world = World(make_service())
    task_id = world.runs_task()
    history.stopping(task_id, Stop("UserInitiated", "Task stopped by user"))
    history.stopping(task_id, stop_for("essential container hello exited with code 143"))
    look(history, world)
    assert history.tasks()[0]["stopCode"] == "UserInitiated"


def test_nothing_new_is_no_event() -> None:
    history = TaskHistory()
    world = World(make_service())
    world.runs_task()
    look(history, world)
    look(history, world)
    assert len(list(history.events(follow=False))) == 1


def test_a_follower_gets_new_events() -> None:
    history = TaskHistory()
    world = World(make_service())
    got = threading.Event()

    def follow() -> None:
        for event in history.events(follow=True):
            if event["detail"]["lastStatus"] == "RUNNING":
                got.set()
                return

    reader = threading.Thread(target=follow, daemon=True)
    reader.start()
    world.runs_task()
    look(history, world)
    assert got.wait(10)


class TestGivingUp:
    """An unhealthy task is replaced once its service's grace period is over."""

    def sick(self, grace: int, after: float, failing: bool = False) -> dict[str, Unhealthy]:
        service = make_service({"hello": {"healthCheck": {"command": ["CMD-SHELL", "true"]}}})
        service.health_check_grace_period = grace
        world = World(service)
        task_id = world.runs_task()
        health = Health.HEALTHY if failing else Health.UNHEALTHY
        for index, container in enumerate(world.containers):
            if container.name.endswith("-hello"):
                world.containers[index] = replace(container, health=health)
        failures = {task_id: FailingTarget("arn:web", 80, "Request timed out")} if failing else {}
        now = max(c.created for c in world.containers) + timedelta(seconds=after)
        return given_up(world.state, sort_containers(world.containers), failures, now)

    def test_not_within_the_grace_period(self) -> None:
        assert self.sick(60, 50) == {}
        assert self.sick(60, 50, failing=True) == {}

    def test_an_unhealthy_essential_container(self) -> None:
        [(task, unhealthy)] = self.sick(60, 70).items()
        assert unhealthy.reason == "Task failed container health checks"
        assert unhealthy.event == f"(task {task}) failed container health checks."
        assert unhealthy.why == "Task failed container health checks: hello"

    def test_an_unhealthy_target(self) -> None:
        [(task, unhealthy)] = self.sick(60, 70, failing=True).items()
        assert unhealthy.reason == "Task failed ELB health checks in (target-group arn:web)"
        assert unhealthy.event == (
            f"(task {task}) (port 80) is unhealthy in (target-group arn:web) due to (reason Request timed out)."
        )


def test_times_are_utc() -> None:
    assert BORN.tzinfo is UTC
    history = TaskHistory()
    world = World(make_service())
    world.runs_task()
    look(history, world)
    created = datetime.fromisoformat(history.tasks()[0]["createdAt"])
    assert created.utcoffset() == timedelta(0)
