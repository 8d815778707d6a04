"""Commands that are killed in the middle of their work. `up` that is killed: tests/docker/e2e/test_stop.py."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

import pytest

from tests.docker.faults.services import MANIFEST, backend, replaced
from tests.docker.project import DockerEvents, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

DEAF = 'trap "" TERM; while :; do sleep 1; done'
LONG = 120.0


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    project = backend(make_project(""), DEAF)
    project.write("copilot-local.toml", "[time]\nstop_timeout = 3\n")
    return project


def test_an_up_that_is_killed_while_the_agent_rolls_its_change_out_is_finished_by_the_agent(project: Project) -> None:
    project.run("up", "-d").ok()
    (old,) = project.tasks()
    project.append(MANIFEST, "\nvariables:\n  NEW: definition\n")
    up = project.start("up", "-d")
    wait_until(lambda: len(project.tasks()) == 2, "the new task beside the old one", LONG)
    up.end(signal.SIGKILL)
    wait_until(lambda: replaced(project, {old}), lambda: str(project.containers()), LONG)


def test_a_down_that_is_killed_is_finished_by_the_next_one(project: Project) -> None:
    project.run("up", "-d").ok()
    with contextlib.closing(DockerEvents(project)) as events:
        down = project.start("down", "-v")
        wait_until(lambda: "hello" in events.actions("kill"), "the task is told to stop", LONG)
        down.end(signal.SIGKILL)
    wait_until(lambda: not project.container("agent"), "the agent's end", LONG)
    project.run("down", "-v", timeout=LONG).ok()
    assert project.everything() == []


def test_a_foreground_up_that_is_killed_while_it_stops_is_in_no_other_ups_way(project: Project) -> None:
    up = project.start("up")
    wait_until(lambda: bool(project.container("hello")), "its container", LONG)
    up.signal(signal.SIGINT)
    up.wait_for("stopping")
    up.end(signal.SIGKILL)
    project.run("up", "-d", "--wait", timeout=LONG).ok()
    project.run("down", "-v", timeout=LONG).ok()
    assert project.everything() == []


def test_an_up_that_is_killed_while_it_builds_leaves_no_more_than_an_idle_agent(make_project: MakeProject) -> None:
    project = make_project("nginx-sidecar")
    goes_on = "\nRUN while sleep 1; do echo waiting; done\n"  # until its lines cannot be written any more
    project.append("hello/Dockerfile", goes_on)
    up = project.start("up", "-d", "--port", str(project.port))
    wait_until(lambda: bool(project.container("agent")), "the agent is made beside the build", LONG)
    up.end(signal.SIGKILL)
    assert [it.role for it in project.containers()] == ["agent"]
    project.edit("hello/Dockerfile", goes_on, "\n")
    project.up()
    assert project.get("/api/x").status_code == 200
    project.run("down", "-v", timeout=LONG).ok()
    assert project.everything() == []
