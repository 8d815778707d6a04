"""Tasks that cannot go on: a health check that hangs, an image that is gone, a full disk, a container that is deaf."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docker.faults.services import MANIFEST, WAITS, backend, replaced, stopped
from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

LONG = 120.0
HANGS = """
name: hello
type: Load Balanced Web Service
image:
  location: busybox:1.37
  port: 3000
  healthcheck: {command: ["CMD-SHELL", "sleep 3600"], interval: 5s, timeout: 2s, retries: 1}
http:
  path: '/'
  healthcheck: {path: '/', success_codes: '404', grace_period: 1s}
command: sh -c 'trap "exit 0" TERM; httpd -f -p 3000 & wait'
cpu: 256
memory: 512
"""
"""Of a service behind a load balancer: others have the grace period of ECS, a minute."""
SHARED = """
storage:
  volumes:
    data:
      path: /data
      read_only: false
      efs: true
"""
FILLS = 'trap "exit 0" TERM; until [ -e /tmp/go ]; do sleep 0.1; done; dd if=/dev/zero of=/data/file bs=64k || exit 1'


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    return make_project("")


def small_volume(project: Project, name: str, *labels: str) -> None:
    """A volume of one megabyte in the place of one that `up` would make."""
    options = [word for option in ("type=tmpfs", "device=tmpfs", "o=size=1m") for word in ("--opt", option)]
    every = [f"copilot-local.app={project.app}", "copilot-local.env=test", "copilot-local.role=volume", *labels]
    labelled = [word for label in every for word in ("--label", label)]
    docker("volume", "create", *options, *labelled, f"cl-{project.app}-test-{name}")


def says(project: Project, text: str) -> bool:
    return text in project.run("ps").ok().out


def test_a_health_check_that_hangs_has_its_task_given_up(project: Project) -> None:
    project.write(MANIFEST, HANGS)
    project.run("up", "-d", "--port", str(project.port)).ok()
    wait_until(lambda: bool(project.tasks()), "a task")
    (task,) = project.tasks()
    wait_until(lambda: bool(stopped(project, task)), lambda: str(project.containers()), LONG)
    [given_up] = stopped(project, task)
    assert given_up["stoppedReason"] == "Task failed container health checks"
    assert given_up["stopCode"] == "ServiceSchedulerInitiated"


def test_an_image_that_was_removed_is_a_stated_failure_until_the_next_up(project: Project) -> None:
    backend(project)
    project.edit(MANIFEST, "  location: busybox:1.37\n", "  build: Dockerfile\n")
    project.write("Dockerfile", f"FROM busybox:1.37\nRUN echo {project.app} > /made\n")
    project.run("up", "-d").ok()
    (task,) = project.tasks()
    main, agent = project.container("hello"), project.container("agent")
    image = docker("inspect", "--format", "{{.Image}}", main).strip()
    docker("pause", agent)  # Docker removes no image of a container that runs: here the agent is slower than the fault
    docker("kill", main)
    docker("image", "rm", "--force", image)
    docker("unpause", agent)
    wait_until(lambda: says(project, "did not stay: CannotPullContainerError: pull image manifest"), "why", LONG)
    wait_until(lambda: "TaskFailedToStart" in {found["stopCode"] for found in stopped(project)}, "its end is told")
    project.run("up", "-d").ok()
    wait_until(lambda: replaced(project, {task}), lambda: str(project.containers()), LONG)


class TestAFullDisk:
    def test_of_a_services_volume_ends_the_container_that_writes_to_it(self, project: Project) -> None:
        backend(project, FILLS, more=SHARED)
        small_volume(project, "efs-managed-hello", "copilot-local.data=efs")
        project.run("up", "-d").ok()
        (task,) = project.tasks()
        docker("exec", project.container("hello"), "touch", "/tmp/go")
        wait_until(lambda: replaced(project, {task}), lambda: str(project.containers()), LONG)
        wait_until(lambda: bool(stopped(project, task)), "its end is told")
        [found] = stopped(project, task)
        assert found["stopCode"] == "EssentialContainerExited"
        assert "No space left on device" in project.run("logs", "--previous").ok().out
        project.run("down", "-v").ok()
        assert project.everything() == []

    def test_of_the_log_store_is_told_and_hangs_nothing(self, make_project: MakeProject) -> None:
        project = make_project("firelens-cloudwatch")
        project.append(MANIFEST, f"\ncommand: sh -c '/app/start > /dev/null & seq 10000; {WAITS}'\n")
        small_volume(project, "logs", "copilot-local.data=logs")
        project.up()
        wait_until(lambda: says(project, "log store: the disk is full, and records are lost"), "that in ps", LONG)
        assert project.answers("/hello")
        compared = project.run("logs", "--compare").ok().out
        assert "missing" in compared
        project.run("down", "-v").ok()
        assert project.everything() == []


def test_a_container_that_is_deaf_to_sigterm_is_killed_after_its_stop_timeout(project: Project) -> None:
    project.write("copilot-local.toml", "[time]\nstop_timeout = 2\n")
    backend(project, 'trap "" TERM; while :; do sleep 1; done')
    project.run("up", "-d").ok()
    (task,) = project.tasks()
    project.run("stop", task[:8], timeout=LONG).ok()
    wait_until(lambda: replaced(project, {task}), lambda: str(project.containers()), LONG)
    wait_until(lambda: bool(stopped(project, task)), "its end is told")
    [found] = stopped(project, task)
    assert found["stopCode"] == "UserInitiated"
    assert [container["exitCode"] for container in found["containers"]] == [137]
    project.run("down", "-v", timeout=LONG).ok()
    assert project.everything() == []
