"""Containers that are killed, and one that does not stop by itself, in one environment. What takes a task's place:
tests/docker/e2e/test_agent.py; many at once: test_router.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docker.faults.services import DEAF, MANIFEST, SERVES, WEB, replaced, stopped
from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

LONG = 180.0
"""Seconds, on a busy machine."""
SETTINGS = """
[time]
stop_timeout = 2
deregistration_delay_cap = 0

[aws]
endpoint = "always"
"""
SIDECAR = """
sidecars:
  extra:
    image: busybox:1.37
    essential: false
    command: sh -c 'trap "exit 0" TERM; sleep 3600 & wait'
"""


@pytest.fixture(scope="module")
def routed(make_shared_project: MakeProject) -> Project:
    """A service that is deaf to SIGTERM behind the load balancer, with the local AWS endpoint and a sidecar that is not
    essential."""
    project = make_shared_project("")
    project.write("copilot-local.toml", SETTINGS)
    project.write(MANIFEST, f"{WEB}command: sh -c '{SERVES}; {DEAF}'\n{SIDECAR}")
    project.up()
    return project


@pytest.mark.parametrize("victim", ["front", "aws"])
def test_the_load_balancer_and_the_local_aws_endpoint_are_started_again(routed: Project, victim: str) -> None:
    tasks = routed.tasks()
    docker("kill", routed.container(victim))
    wait_until(lambda: bool(routed.container(victim)), f"{victim} again", LONG)
    wait_until(lambda: routed.answers("/hello"), "an answer", LONG)
    assert routed.tasks() == tasks, "no task is to suffer"


def test_a_sidecar_that_is_not_essential_stays_dead_and_its_task_goes_on(routed: Project) -> None:
    tasks = routed.tasks()
    docker("kill", routed.container("extra"))

    def told() -> bool:
        return any("extra" in line and "Exited (137)" in line for line in routed.run("ps").ok().out.splitlines())

    wait_until(told, "its death in ps", LONG)
    assert routed.answers("/hello")
    assert routed.tasks() == tasks


def test_a_container_that_is_deaf_to_sigterm_is_killed_after_its_stop_timeout(routed: Project) -> None:
    (task,) = routed.tasks()
    routed.run("stop", task[:8], timeout=LONG).ok()
    wait_until(lambda: replaced(routed, {task}), lambda: str(routed.containers()), LONG)
    wait_until(lambda: bool(stopped(routed, task)), "its end is told")
    [found] = stopped(routed, task)
    assert found["stopCode"] == "UserInitiated"
    assert {c["name"]: c["exitCode"] for c in found["containers"]}["hello"] == 137
    wait_until(lambda: routed.answers("/hello"), "an answer", LONG)
