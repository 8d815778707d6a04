"""Which container starts when, and which never: one task that has every case."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.docker.ecs.conftest import FOREVER, Tasks, script
from tests.docker.project import Result, docker

pytestmark = pytest.mark.docker

SICK = {"command": ["CMD-SHELL", "exit 1"], "interval": 1, "timeout": 1, "retries": 1}
WELL = {"command": ["CMD-SHELL", "true"], "interval": 1, "timeout": 60}


def waits(**conditions: str) -> dict[str, Any]:
    return {"essential": False, "dependsOn": [{"containerName": n, "condition": c} for n, c in conditions.items()]}


TASK = {
    "main": script(FOREVER, healthCheck=WELL, dependsOn=[{"containerName": "quick", "condition": "START"}]),
    "quick": script("echo done", essential=False),
    "fails": script("exit 3", essential=False),
    "sick": script(FOREVER, essential=False, healthCheck=SICK, startTimeout=2),
    "dead": script("exit 0", essential=False, healthCheck=SICK),
    "follows": script(FOREVER, **waits(quick="SUCCESS", fails="COMPLETE", main="HEALTHY")),
    "unmet": script(FOREVER, **waits(fails="SUCCESS")),
    "late": script(FOREVER, **waits(sick="HEALTHY")),
    "pending": script(FOREVER, **waits(dead="HEALTHY")),
    "behind": script(FOREVER, **waits(unmet="START")),
}
FAILED = "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency"


@pytest.fixture(scope="module")
def result(shared_tasks: Tasks) -> Result:
    return shared_tasks.up(TASK)


@pytest.fixture(scope="module")
def containers(shared_tasks: Tasks, result: Result) -> dict[str, dict[str, Any]]:
    # `up` has seen the first success of a check itself; DescribeTasks tells Docker's verdict.
    shared_tasks.until(
        lambda found: found["follows"]["lastStatus"] == "RUNNING" and found["main"]["healthStatus"] == "HEALTHY",
        "follows, which runs, and main, which is healthy",
    )
    return shared_tasks.containers()


def test_what_is_awaited_holds_and_the_container_starts(containers: dict[str, dict[str, Any]]) -> None:
    assert containers["follows"]["lastStatus"] == "RUNNING"
    assert containers["main"]["healthStatus"] == "HEALTHY"


def test_start_holds_of_a_dependency_that_has_exited(containers: dict[str, dict[str, Any]]) -> None:
    assert (containers["quick"]["lastStatus"], containers["quick"]["exitCode"]) == ("STOPPED", 0)
    assert containers["main"]["lastStatus"] == "RUNNING"


def test_success_that_failed_stops_the_container_with_143_and_the_task_goes_on(
    shared_tasks: Tasks, containers: dict[str, dict[str, Any]]
) -> None:
    unmet = containers["unmet"]
    assert (unmet["lastStatus"], unmet["exitCode"]) == ("STOPPED", 143)
    assert unmet["reason"] == f"{FAILED} [fails] for target [unmet] as dependency did not exit successfully."
    assert containers["fails"]["exitCode"] == 3
    assert (containers["main"]["lastStatus"], shared_tasks.newest()["desiredStatus"]) == ("RUNNING", "RUNNING")


def test_a_start_timeout_of_the_dependency_ends_the_wait(containers: dict[str, dict[str, Any]]) -> None:
    late = containers["late"]
    assert late["exitCode"] == 143
    assert late["reason"] == (
        "CannotStartContainerError: dependency graph: container ordering dependency [sick] for target [late] has timed "
        "out."
    )
    assert containers["sick"]["lastStatus"] == "RUNNING"


def test_a_dependency_that_exited_before_it_was_healthy_leaves_the_container_and_the_task_pending(
    shared_tasks: Tasks, containers: dict[str, dict[str, Any]], result: Result
) -> None:
    assert containers["pending"]["lastStatus"] == "PENDING"
    assert shared_tasks.newest()["lastStatus"] == "PENDING"
    assert "pending needs it to be healthy, and stays PENDING as on ECS" in result.err


def test_a_container_behind_one_that_never_starts_never_starts(containers: dict[str, dict[str, Any]]) -> None:
    assert containers["behind"]["exitCode"] == 143
    assert containers["behind"]["reason"] == f"{FAILED} [unmet] for target [behind] because dependency will never start"


def test_the_agent_leaves_such_a_task_alone(shared_tasks: Tasks, containers: dict[str, dict[str, Any]]) -> None:
    docker("kill", shared_tasks.docker_name("sick"))  # the agent looks at its task
    shared_tasks.until(lambda found: found["sick"]["lastStatus"] == "STOPPED", "the end of sick")
    assert len(shared_tasks.describe()) == 1
    assert shared_tasks.containers()["pending"]["runtimeId"] == containers["pending"]["runtimeId"]


def test_an_essential_container_whose_dependency_failed_fails_the_start(tasks: Tasks) -> None:
    tasks.define(
        {
            "main": script(FOREVER, **{**waits(fails="SUCCESS"), "essential": True}),
            "fails": script("echo no; exit 3", essential=False),
        }
    )
    result = tasks.try_up()
    assert result.code == 1
    assert "container fails exited with code 3: main needs it to succeed" in result.err
    assert "as dependency did not exit successfully." in result.err
    assert "no\n" in result.err
    assert tasks.project.containers() == []


@pytest.mark.parametrize(
    ("containers", "message"),
    [
        (
            {"main": script("", dependsOn=[{"containerName": "x", "condition": "START"}])},
            "depends on x, which is not there",
        ),
        ({"main": script("", dependsOn=[{"containerName": "main", "condition": "START"}])}, "wait for each other"),
        (
            {"main": script("", **waits(b="HEALTHY")), "b": script("")},
            "container main waits for b to be HEALTHY, but b has no health check",
        ),
        (
            {"main": script("", **waits(b="COMPLETE")), "b": script("")},
            "dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
        ),
    ],
)
def test_dependencies_that_ecs_refuses_start_nothing(
    shared_tasks: Tasks, result: Result, containers: dict[str, Any], message: str
) -> None:
    """Beside the task that runs, whose agent is there already."""
    project, before = shared_tasks.project, shared_tasks.project.tasks()
    rows = [{"name": name, **fields} for name, fields in containers.items()]
    project.write("refused.json", json.dumps({"family": "refused", "containerDefinitions": rows}))
    refused = project.run("up", "-d", "--task-definition", "refused.json")
    assert (refused.code, message in refused.err) == (1, True), refused.err
    assert project.tasks() == before
