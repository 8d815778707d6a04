"""A log router that is killed, for good too, and its relay: no container hangs, and no line is lost."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.docker.faults.services import backend
from tests.docker.project import DockerEvents, docker, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

MANIFEST = "copilot/hello/manifest.yml"
ROUTER = "firelens_log_router"
TOLD = """
command: >-
  sh -c '/app/start > /dev/null & trap "end=0" TERM; i=0; end=;
  while [ -z "$end" ]; do [ -e /tmp/idle ] || { i=$((i+1)); echo line $i; };
  [ ! -e /tmp/exit ] || end=3; sleep 0.02; done; echo last $i; exit $end'
"""
"""Prints numbered lines until it is told to be idle, to exit, or to stop; in the end how many it printed."""
DEAF = 'trap "" TERM; while :; do echo line; sleep 0.02; done'
NUMBERED = 'trap "exit 0" TERM; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.02; done'
LOGGING = """
logging:
  destination: {Name: cloudwatch, region: us-west-2, log_group_name: /hello, log_stream_prefix: copilot/}
"""


@pytest.fixture(scope="module")
def shared(make_shared_project: MakeProject) -> Project:
    project = make_shared_project("firelens-cloudwatch")
    project.append(MANIFEST, TOLD)
    project.up()
    return project


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    return make_project("")


def kill_router(project: Project, *, for_good: bool) -> None:
    router = project.container(ROUTER)
    if for_good:
        entry = json.loads(docker("inspect", "--format", "{{json .Config.Cmd}}", router))[-1]
        docker("exec", router, "rm", entry)
    docker("kill", router)


def lines(project: Project, task: str) -> list[int]:
    """The numbers of the lines that were delivered for a task, in the order in which they were printed."""
    found = [r for r in project.records() if task in r["ecs_task_arn"] and re.fullmatch(r"line \d+", r["log"])]
    return sorted(int(record["log"].split()[1]) for record in found)


def printed(project: Project, task: str) -> int:
    """How many lines a task's container says that it printed; it says so once."""
    found = [r["log"] for r in project.records() if task in r["ecs_task_arn"] and r["log"].startswith("last ")]
    assert len(found) == 1, found
    return int(found[0].removeprefix("last "))


@pytest.mark.parametrize(
    ("for_good", "moment"),
    [
        pytest.param(False, "while it prints", id="killed while its container prints"),
        pytest.param(False, "while it is idle", id="killed while its container is idle"),
        pytest.param(False, "while it exits", id="killed while its container exits"),
        pytest.param(True, "while it prints", id="killed for good while its container prints"),
        pytest.param(True, "while it is idle", id="killed for good while its container is idle"),
        pytest.param(True, "while it exits", id="killed for good while its container exits"),
    ],
)
def test_the_task_is_replaced_and_every_line_arrives_once(shared: Project, for_good: bool, moment: str) -> None:
    wait_until(lambda: shared.answers("/hello"), "the service's answer")
    (task,) = shared.tasks()
    wait_until(lambda: len(lines(shared, task)) > 10, "its first lines")
    main = shared.container("hello")
    if moment == "while it is idle":
        docker("exec", main, "touch", "/tmp/idle")
    kill_router(shared, for_good=for_good)
    if moment == "while it exits":
        docker("exec", main, "touch", "/tmp/exit", check=False)  # it may be gone by now
    wait_until(lambda: task not in shared.tasks() and len(shared.tasks()) == 1, lambda: str(shared.containers()))
    wait_until(lambda: shared.answers("/hello"), "the new task's answer")
    assert lines(shared, task) == list(range(1, printed(shared, task) + 1)), "lines in = lines out, each once"
    [stopped] = [t for t in json.loads(shared.run("inspect").ok().out)["tasks"] if task in t["taskArn"]]
    assert (stopped["lastStatus"], stopped["stopCode"]) == ("STOPPED", "EssentialContainerExited")
    assert shared.container("drain") == ""


def test_a_pause_that_is_killed_hangs_nothing_and_no_line_comes_twice(shared: Project) -> None:
    """With it goes the relay, and what that held; the router lives, and delivers what it has."""
    wait_until(lambda: shared.answers("/hello"), "the service's answer")
    (task,) = shared.tasks()
    wait_until(lambda: len(lines(shared, task)) > 10, "its first lines")
    before = lines(shared, task)
    docker("kill", shared.container("pause"))
    wait_until(lambda: task not in shared.tasks() and len(shared.tasks()) == 1, lambda: str(shared.containers()))
    found = lines(shared, task)
    assert found[: len(before)] == before
    assert len(found) == len(set(found))
    assert printed(shared, task) > len(before), "it was stopped as any other, and what it said then was taken"
    assert shared.container("drain") == ""


class TestDuringDown:
    @pytest.mark.parametrize("for_good", [False, True], ids=["killed", "killed for good"])
    def test_with_the_agent_there(self, project: Project, for_good: bool) -> None:
        """Its container does not hear SIGTERM, so `down` is at work when the router dies."""
        project.write("copilot-local.toml", "[time]\nstop_timeout = 6\n")
        backend(project, DEAF, more=LOGGING)
        project.up()
        with contextlib.closing(DockerEvents(project)) as events:
            down = project.start("down", "-v")
            wait_until(lambda: "hello" in events.actions("kill"), "the task is told to stop")
            kill_router(project, for_good=for_good)
            down.wait().ok()
        assert project.everything() == []

    def test_without_an_agent_and_for_good(self, project: Project) -> None:
        """What a `down` leaves that was killed: the agent is gone, the task's relay is not."""
        backend(project, NUMBERED, more=LOGGING)
        project.up()
        docker("rm", "--force", project.container("agent"))
        kill_router(project, for_good=True)
        result = project.run("down", "-v").ok()
        assert "records were stored unfiltered" in result.err
        assert project.everything() == []
