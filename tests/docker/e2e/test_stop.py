"""Every way a run can end leaves what `down` leaves: the log volume, and with `-v` nothing."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.docker.faults.services import backend
from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.docker.project import DockerEvents, MakeProject, Project

pytestmark = pytest.mark.docker

MANIFEST = "copilot/hello/manifest.yml"
SHARED = """
storage:
  volumes:
    data: {path: /data, read_only: false, efs: true}
"""
"""A file system that survives `down`."""
LATE = """
sidecars:
  late:
    image: busybox:1.37
    command: ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]
    depends_on: {hello: start}
"""
LONG_STOP = "taskdef_overrides: [{path: 'ContainerDefinitions[0].StopTimeout', value: 120}]\n"
"""Far longer than a test waits for a command to end."""
Watch = "Callable[[Project], DockerEvents]"


def log_volume(project: Project) -> list[str]:
    """The volumes with logs: the load balancer's access log, and the log store."""
    return [f"cl-{project.app}-test-access", f"cl-{project.app}-test-logs"]


class TestCtrlC:
    def test_stops_in_reverse_order_of_dependencies_and_leaves_the_log_volume(
        self, firelens: Project, watch: Callable[[Project], DockerEvents]
    ) -> None:
        firelens.append(MANIFEST, LATE)
        running = firelens.foreground()
        events = watch(firelens)
        running.signal(signal.SIGINT)
        result = running.wait()
        assert result.code == 130
        assert "stopping" in result.out  # the main container's own word: it was sent SIGTERM
        assert any("hello" in line and "| listening on port 3000" in line for line in result.out.splitlines())
        assert "Traceback" not in result.err
        wait_until(lambda: "pause" in events.actions("die"), "the end of pause")
        members = [name for name in events.actions("die") if name not in ("agent", "front")]
        assert members == ["late", "hello", "firelens_log_router", "pause"]
        assert firelens.everything() == log_volume(firelens)

    def test_twice_stops_at_once(self, nginx: Project) -> None:
        nginx.append(MANIFEST, "\ncommand: sh -c 'trap \"\" TERM; echo deaf; while :; do sleep 1; done'\n")
        nginx.append(MANIFEST, LONG_STOP)
        running = nginx.start("up", "--port", str(nginx.port))
        running.wait_for("deaf")
        running.wait_for("Running at")
        running.signal(signal.SIGINT)
        running.wait_for("Ctrl-C again stops at once")
        running.wait_for("✓ stop hello/nginx")  # and hello, at the same time, is sent its SIGTERM
        running.signal(signal.SIGINT)
        assert running.wait().code == 130
        assert nginx.everything() == log_volume(nginx)

    def test_while_it_comes_up_leaves_nothing(self, nginx: Project) -> None:
        running = nginx.start("up", "--port", str(nginx.port))
        wait_until(lambda: bool(nginx.containers()), "the first container")
        running.signal(signal.SIGINT)
        assert running.wait().code == 130
        assert [name for name in nginx.everything() if name not in log_volume(nginx)] == []

    def test_while_manifests_are_read_leaves_nothing(self, nginx: Project) -> None:
        """`unit/cli/test_early_claim.py` sends other signals."""
        running = nginx.start("up", "-d", "--port", str(nginx.port))
        wait_until(lambda: bool(nginx.networks()), "the network, which comes before the manifests are read")
        running.signal(signal.SIGHUP)
        assert running.wait().code == 130
        assert nginx.everything() == []

    def test_ends_a_build(self, nginx: Project) -> None:
        nginx.append("hello/Dockerfile", "\nRUN echo begun && sleep 300\n")
        running = nginx.start("up", "-d")
        running.wait_for("build hello/Dockerfile …")
        running.signal(signal.SIGINT)
        assert running.wait(30).code == 130
        assert nginx.everything() == []


class TestKilled:
    def test_in_the_foreground_the_agent_takes_over(self, nginx: Project) -> None:
        running = nginx.foreground()
        running.signal(signal.SIGKILL)
        running.wait()
        (task,) = nginx.tasks()
        docker("kill", nginx.container("hello"))
        wait_until(lambda: task not in nginx.tasks() and nginx.answers("/api/x"), "a replacement that answers")
        nginx.run("down").ok()
        assert nginx.everything() == log_volume(nginx)

    @pytest.mark.parametrize("moment", ["agent", "hello"])
    def test_in_the_middle_of_up_nothing_stays_after_down(self, nginx: Project, moment: str) -> None:
        running = nginx.start("up", "-d", "--port", str(nginx.port))
        wait_until(lambda: any(moment in c.name.split("-") for c in nginx.containers()), f"container {moment}")
        running.signal(signal.SIGKILL)
        running.wait()
        nginx.run("down", "-v").ok()
        assert nginx.everything() == []


class TestDown:
    def test_ends_those_who_follow_the_logs_and_keeps_the_log_volume_and_with_v_nothing(
        self, firelens: Project
    ) -> None:
        firelens.up()
        following = firelens.start("logs", "-f")
        following.wait_for("listening on port 3000")
        down = firelens.run("down").ok()
        assert f"{firelens.app}/test is gone; logs and data stay" in down.err
        result = following.wait(20).ok()
        assert [line for line in result.out.splitlines() if line.startswith("hello/hello") and "stopping" in line]
        assert firelens.everything() == log_volume(firelens)
        assert "its logs are kept" in firelens.run("logs").ok().err
        firelens.run("down", "-v").ok()
        assert firelens.everything() == []

    def test_of_nothing_says_so(self, nginx: Project) -> None:
        result = nginx.run("down").ok()
        assert f"nothing is running in {nginx.app}/test" in result.err


def test_a_network_that_something_else_uses_keeps_nothing_else(nginx: Project, busybox: str) -> None:
    nginx.up()
    [network] = nginx.networks()
    visitor = docker("run", "--detach", "--rm", "--init", "--network", network, busybox, "sleep", "600").strip()
    try:
        down = nginx.run("down", "-v").ok()
        assert f"network {network} is left" in down.err
        assert f"`docker network inspect {network}` shows what is in it" in down.err
        assert nginx.everything() == [network]
    finally:
        docker("rm", "--force", visitor)
    nginx.run("down", "-v").ok()
    assert nginx.everything() == []


def test_a_task_that_ends_with_the_environment_still_gets_its_metadata(make_project: MakeProject) -> None:
    """As on ECS: what a program does at SIGTERM may need credentials and metadata."""
    asks = 'wget -T 20 -qO /data/answer "$ECS_CONTAINER_METADATA_URI_V4/task"'
    project = backend(make_project(""), f'trap "{asks}; exit 0" TERM; echo ready; sleep 3600 & wait', more=SHARED)
    project.up()
    wait_until(lambda: "ready" in project.run("logs").ok().out, "its handler")
    project.run("down").ok()
    assert project.containers() == []
    project.up()
    answer = json.loads(project.run("exec", "hello", "cat", "/data/answer").ok().out)
    assert answer["Family"] == f"{project.app}-test-hello"
