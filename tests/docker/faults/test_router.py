"""A log router that is killed, for good too, and its relay: no container hangs, and no line is lost."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.docker.faults.services import DEAF, LOGGING, backend, deployed, replaced, stopped
from tests.docker.project import DockerEvents, daemon, docker, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

LONG = 180.0
"""Seconds: on a busy machine so many tasks take some time to start."""
ROUTER = "firelens_log_router"
COUNTS = """trap "end=0" TERM; i=0; end=;
  while [ -z "$end" ]; do
  [ -e /tmp/idle ] || for n in 1 2 3 4 5; do i=$((i+1)); echo line $i; done;
  [ ! -e /tmp/exit ] || end=3; sleep 0.1; done; echo last $i; exit $end"""
"""Prints numbered lines until it is told to be idle, to exit, or to stop; in the end how many it printed."""
DEATHS = [
    (False, "while it prints"),
    (False, "while it exits"),
    (True, "while it prints"),
    (True, "while it is idle"),
    (True, "while it exits"),
]
"""Of routers, each of another task: whether it is for good, and what its container does."""


@pytest.fixture(scope="module")
def shared(make_shared_project: MakeProject) -> Project:
    project = make_shared_project("")
    backend(project, "COMMAND", count=len(DEATHS), more=LOGGING)
    project.edit("copilot/hello/manifest.yml", "command: sh -c 'COMMAND'", f"command: >-\n  sh -c '{COUNTS}'")
    project.run("up", "-d").ok()
    return project


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    return make_project("")


def members(project: Project, name: str) -> dict[str, str]:
    """The containers that the task definition calls so, or of that role, by task."""
    found = [c for c in project.containers() if (c.labels.get("copilot-local.container") or c.role) == name]
    return {container.task: container.name for container in found}


def kill_router(router: str, *, for_good: bool) -> None:
    with daemon() as client:
        entry = client.inspect_container(router)["Config"]["Cmd"][-1]
    if for_good:
        docker("exec", router, "rm", entry)
    docker("kill", router)


def of_task(records: list[dict[str, Any]], task: str) -> list[str]:
    return [str(record["log"]) for record in records if task in record["ecs_task_arn"]]


def lines(records: list[dict[str, Any]], task: str) -> list[int]:
    """The numbers of the lines that were delivered for a task, in the order in which they were printed."""
    return sorted(int(log.split()[1]) for log in of_task(records, task) if re.fullmatch(r"line \d+", log))


def printed(records: list[dict[str, Any]], task: str) -> int:
    """How many lines a task's container says that it printed; it says so once."""
    found = [log for log in of_task(records, task) if log.startswith("last ")]
    assert len(found) == 1, found
    return int(found[0].removeprefix("last "))


def tasks_that_print(project: Project) -> list[str]:
    """All of them, once their deployment is complete: before, the circuit breaker counts tasks that die."""

    def printing() -> bool:
        records = project.records()
        return all(len(lines(records, task)) > 10 for task in project.tasks())

    wait_until(lambda: replaced(project, set(), len(DEATHS)), lambda: str(project.containers()), LONG)
    wait_until(lambda: deployed(project), lambda: project.run("inspect").out, LONG)
    wait_until(printing, "their first lines", LONG)
    return sorted(project.tasks())


def test_the_tasks_of_routers_that_die_at_once_are_replaced_and_every_line_arrives_once(shared: Project) -> None:
    """More tasks than make a deployment fail that is not complete."""
    tasks = tasks_that_print(shared)
    mains, routers = members(shared, "hello"), members(shared, ROUTER)
    for task, (for_good, moment) in zip(tasks, DEATHS, strict=True):
        if moment == "while it is idle":
            docker("exec", mains[task], "touch", "/tmp/idle")
        kill_router(routers[task], for_good=for_good)
        if moment == "while it exits":
            docker("exec", mains[task], "touch", "/tmp/exit", check=False)  # it may be gone by now
    wait_until(lambda: replaced(shared, set(tasks), len(tasks)), lambda: str(shared.containers()), LONG)
    records = shared.records()
    for task, death in zip(tasks, DEATHS, strict=True):
        expected = list(range(1, printed(records, task) + 1))
        assert lines(records, task) == expected, f"lines in = lines out, each once: {death}"
    codes = {task["taskArn"].rpartition("/")[2]: task["stopCode"] for task in stopped(shared)}
    assert {task: codes.get(task) for task in tasks} == dict.fromkeys(tasks, "EssentialContainerExited")
    assert members(shared, "drain") == {}


def test_a_pause_that_is_killed_hangs_nothing_and_no_line_comes_twice(shared: Project) -> None:
    """With it goes the relay, and what that held; the router lives, and delivers what it has."""
    tasks = tasks_that_print(shared)
    task = tasks[0]
    before = lines(shared.records(), task)
    docker("kill", members(shared, "pause")[task])
    wait_until(lambda: replaced(shared, {task}, len(tasks)), lambda: str(shared.containers()), LONG)
    records = shared.records()
    found = lines(records, task)
    assert found[: len(before)] == before
    assert len(found) == len(set(found))
    assert printed(records, task) > len(before), "it was stopped as any other, and what it said then was taken"
    assert members(shared, "drain") == {}


class TestDuringDown:
    def test_with_the_agent_there(self, project: Project) -> None:
        """Its containers do not hear SIGTERM, so `down` is at work when their routers die, one of them for good."""
        project.write("copilot-local.toml", "[time]\nstop_timeout = 6\n")
        backend(project, f"while :; do echo line; sleep 0.1; done & {DEAF}", count=2, more=LOGGING)
        project.up()
        routers = members(project, ROUTER).values()
        with contextlib.closing(DockerEvents(project)) as events:
            down = project.start("down", "-v")
            wait_until(lambda: events.actions("kill").count("hello") >= 2, "the tasks are told to stop")
            for router, for_good in zip(routers, (False, True), strict=True):
                kill_router(router, for_good=for_good)
            down.wait().ok()
        assert project.everything() == []

    def test_without_an_agent_and_for_good(self, project: Project) -> None:
        """What a `down` leaves that was killed: the agent is gone, the task's relay is not."""
        backend(project, 'trap "exit 0" TERM; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.1; done', more=LOGGING)
        project.up()
        docker("rm", "--force", project.container("agent"))
        kill_router(project.container(ROUTER), for_good=True)
        result = project.run("down", "-v").ok()
        assert "records were stored unfiltered" in result.err
        assert project.everything() == []
