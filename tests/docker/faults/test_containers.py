"""Containers that are killed, one or many at once. What takes a task's place: tests/docker/e2e/test_agent.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.docker.faults.services import MANIFEST, backend, replaced, stopped
from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

AT_ONCE = 10
LONG = 180.0
"""Seconds: on a busy machine ten tasks take some time to start."""


@pytest.fixture(scope="module")
def routed(make_shared_project: MakeProject) -> Project:
    """A service behind the load balancer that logs to the local AWS endpoint, with a sidecar that is not essential."""
    project = make_shared_project("firelens-cloudwatch")
    sidecar = "\nsidecars:\n  extra:\n    image: busybox:1.37\n    essential: false\n    command: sleep 3600\n"
    project.append(MANIFEST, sidecar)
    project.up("--logs", "local-aws")
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
    wait_until(lambda: "Exited (137)" in routed.run("ps").ok().out, "its death in ps", LONG)
    assert routed.answers("/hello")
    assert routed.tasks() == tasks


def deployed(project: Project) -> bool:
    """Whether the deployments of all services are complete."""
    services = json.loads(project.run("inspect").ok().out)["services"]
    return all(service["deployments"][0]["rolloutState"] == "COMPLETED" for service in services)


def test_ten_tasks_that_die_at_once_are_replaced(make_project: MakeProject) -> None:
    """Once their deployment is complete: before, the circuit breaker counts them, and gives up."""
    project = backend(make_project(""), count=AT_ONCE)
    project.run("up", "-d").ok()
    wait_until(lambda: deployed(project), lambda: project.run("inspect").out, LONG)
    old = project.tasks()
    victims = [c.name for c in project.containers() if c.labels.get("copilot-local.container") == "hello"]
    docker("kill", *victims)
    wait_until(lambda: replaced(project, old, AT_ONCE), lambda: str(project.containers()), LONG)

    def ended() -> set[str]:
        return {task["taskArn"].rpartition("/")[2] for task in stopped(project)}

    wait_until(lambda: ended() >= old, lambda: str(ended()), LONG)
    project.run("down", "-v", timeout=LONG).ok()
    assert project.everything() == []
