"""Commands that are killed in the middle of their work. `up` that is killed: tests/docker/e2e/test_stop.py."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

import pytest

from tests.docker.faults.services import DEAF, MANIFEST, backend, built_backend, replaced
from tests.docker.project import DockerEvents, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

LONG = 120.0


@pytest.fixture(scope="module")
def project(make_shared_project: MakeProject) -> Project:
    """Of which something may run already, and which is deaf: the killed command is at work for a while."""
    project = backend(make_shared_project(""), DEAF)
    project.write("copilot-local.toml", "[time]\nstop_timeout = 3\n")
    return project


def test_a_foreground_up_that_is_killed_while_it_stops_is_in_no_other_ups_way(project: Project) -> None:
    project.run("down").ok()
    up = project.start("up")
    wait_until(lambda: bool(project.container("hello")), "its container", LONG)
    up.signal(signal.SIGINT)
    up.wait_for("stopping")
    up.end(signal.SIGKILL)
    project.run("up", "-d", "--wait", timeout=LONG).ok()
    wait_until(lambda: replaced(project, set()), lambda: str(project.containers()), LONG)


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


def test_an_up_that_is_killed_while_it_builds_leaves_no_more_than_an_idle_agent(make_project: MakeProject) -> None:
    goes_on = "RUN while sleep 1; do echo waiting; done\n"  # until its lines cannot be written any more
    project = built_backend(make_project(""), f"FROM busybox:1.37\n{goes_on}")
    up = project.start("up", "-d")
    wait_until(lambda: bool(project.container("agent")), "the agent is made beside the build", LONG)
    up.end(signal.SIGKILL)
    assert [it.role for it in project.containers()] == ["agent"]
    project.edit("Dockerfile", goes_on, "")
    project.up()
    wait_until(lambda: replaced(project, set()), lambda: str(project.containers()), LONG)
    project.run("down", "-v", timeout=LONG).ok()
    assert project.everything() == []
