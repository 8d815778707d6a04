"""Tasks that cannot go on: a health check that hangs, an image that is gone, a full disk. A container that is deaf:
test_containers.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docker.faults.services import (
    LOGGING,
    MANIFEST,
    SERVES,
    WAITS,
    WEB,
    backend,
    built_backend,
    replaced,
    stopped,
)
from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

LONG = 120.0
HANGS = WEB.replace("  healthcheck: '/'\n", "  healthcheck: {path: '/', grace_period: 1s}\n").replace(
    "  port: 3000\n",
    '  port: 3000\n  healthcheck: {command: ["CMD-SHELL", "sleep 3600"], interval: 1s, timeout: 1s, retries: 1}\n',
)
"""Of a service behind a load balancer: others have the grace period of ECS, a minute."""
SHARED = """
storage:
  volumes:
    data:
      path: /data
      read_only: false
      efs: true
"""
FILLS = (
    'trap "exit 0" TERM; mkfifo /tmp/go; { read it < /tmp/go; dd if=/dev/zero of=/data/file bs=64k; kill -USR1 1; } & '
    'trap "exit 1" USR1; wait'
)
"""Writes until it fails, once something is written to /tmp/go."""


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    return make_project("")


@pytest.fixture(scope="module")
def built(make_shared_project: MakeProject) -> Project:
    """A service of an image that is built, with a small volume. A test may have left it without a task."""
    project = make_shared_project("")
    built_backend(project, f"FROM busybox:1.37\nRUN echo {project.app} > /made\n", FILLS, more=SHARED)
    small_volume(project, "efs-managed-hello", "copilot-local.data=efs")
    return project


def small_volume(project: Project, name: str, *labels: str) -> None:
    """A volume of one megabyte in the place of one that `up` would make."""
    options = [word for option in ("type=tmpfs", "device=tmpfs", "o=size=1m") for word in ("--opt", option)]
    every = [f"copilot-local.app={project.app}", "copilot-local.env=test", "copilot-local.role=volume", *labels]
    labelled = [word for label in every for word in ("--label", label)]
    docker("volume", "create", *options, *labelled, f"cl-{project.app}-test-{name}")


def says(project: Project, text: str) -> bool:
    return text in project.run("ps").ok().out


def test_a_health_check_that_hangs_has_its_task_given_up(project: Project) -> None:
    project.write("copilot-local.toml", "[time]\necs_limits = false\n")
    project.write(MANIFEST, f"{HANGS}command: sh -c '{SERVES}; {WAITS}'\n")
    project.run("up", "-d", "--port", str(project.port)).ok()
    wait_until(lambda: bool(project.tasks()), "a task")
    (task,) = project.tasks()
    wait_until(lambda: task not in project.tasks(), lambda: str(project.containers()), LONG)
    wait_until(lambda: bool(stopped(project, task)), lambda: str(project.containers()), LONG)
    [given_up] = stopped(project, task)
    assert given_up["stoppedReason"] == "Task failed container health checks"
    assert given_up["stopCode"] == "ServiceSchedulerInitiated"


def test_an_image_that_was_removed_is_a_stated_failure_until_the_next_up(built: Project) -> None:
    built.run("up", "-d").ok()
    (task,) = built.tasks()
    main, agent = built.container("hello"), built.container("agent")
    image = docker("inspect", "--format", "{{.Image}}", main).strip()
    docker("pause", agent)  # Docker removes no image of a container that runs: here the agent is slower than the fault
    docker("kill", main)
    docker("image", "rm", "--force", image)
    docker("unpause", agent)
    wait_until(lambda: says(built, "did not stay: CannotPullContainerError: pull image manifest"), "why", LONG)
    wait_until(lambda: "TaskFailedToStart" in {found["stopCode"] for found in stopped(built)}, "its end is told")
    built.run("up", "-d").ok()
    wait_until(lambda: replaced(built, {task}), lambda: str(built.containers()), LONG)


class TestAFullDisk:
    def test_of_a_services_volume_ends_the_container_that_writes_to_it(self, built: Project) -> None:
        built.run("up", "-d").ok()
        (task,) = built.tasks()
        docker("exec", built.container("hello"), "sh", "-c", "echo > /tmp/go")
        wait_until(lambda: replaced(built, {task}), lambda: str(built.containers()), LONG)
        wait_until(lambda: bool(stopped(built, task)), "its end is told")
        [found] = stopped(built, task)
        assert found["stopCode"] == "EssentialContainerExited"
        assert "No space left on device" in built.run("logs", "--previous").ok().out

    def test_of_the_log_store_is_told_and_hangs_nothing(self, project: Project) -> None:
        backend(project, f"seq 5000; touch /tmp/printed; {WAITS}", more=LOGGING)
        small_volume(project, "logs", "copilot-local.data=logs")
        project.up()
        wait_until(lambda: says(project, "log store: the disk is full, and records are lost"), "that in ps", LONG)
        main = project.container("hello")
        wait_until(lambda: "printed" in docker("exec", main, "ls", "/tmp"), "the end of what it prints")
        compared = project.run("logs", "--compare").ok().out
        assert "missing" in compared
        project.run("down", "-v").ok()
        assert project.everything() == []
