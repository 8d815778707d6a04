"""Every way a run can end leaves what `down` leaves: the log volume, and with `-v` nothing."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.docker.e2e import small
from tests.docker.faults.services import MANIFEST, backend, replaced
from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.docker.project import DockerEvents, MakeProject, Project, Result

pytestmark = pytest.mark.docker

SHARED = """
storage:
  volumes:
    data: {path: /data, read_only: false, efs: true}
"""
"""A file system that survives `down`."""
ROUTED = """
logging:
  destination: {Name: cloudwatch, region: us-west-2, log_group_name: /copilot/hello, log_stream_prefix: copilot/}
"""
LATE = """
sidecars:
  late:
    image: busybox:1.37
    command: ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]
    depends_on: {hello: start}
"""
SAYS_SO = 'trap "echo stopping; exit 0" TERM; echo ready; sleep 3600 & wait'
ASKS = 'wget -T 20 -qO /data/answer "$ECS_CONTAINER_METADATA_URI_V4/task"'
DEAF = 'trap "" TERM; echo deaf; while :; do sleep 1; done'
LONG_STOP = "taskdef_overrides: [{path: 'ContainerDefinitions[0].StopTimeout', value: 120}]\n"
"""Far longer than a test waits for a command to end."""


def log_volume(project: Project) -> list[str]:
    """The volumes with logs: the load balancer's access log, and the log store."""
    return [f"cl-{project.app}-test-access", f"cl-{project.app}-test-logs"]


@pytest.fixture
def hello(empty: Project) -> Project:
    """One service of one container."""
    return backend(empty)


class TestCtrlC:
    def test_stops_in_reverse_order_of_dependencies_and_leaves_the_log_volume(
        self, empty: Project, watch: Callable[[Project], DockerEvents]
    ) -> None:
        project = backend(empty, SAYS_SO, more=ROUTED + LATE)
        running = project.start("up")
        running.wait_for("Ctrl-C to stop")
        running.wait_for("| ready")
        events = watch(project)
        running.signal(signal.SIGINT)
        result = running.wait()
        assert result.code == 130
        assert "stopping" in result.out  # the main container's own word: it was sent SIGTERM
        assert any("hello" in line and "| ready" in line for line in result.out.splitlines())
        assert "Traceback" not in result.err
        wait_until(lambda: "pause" in events.actions("die"), "the end of pause")
        members = [name for name in events.actions("die") if name != "agent"]
        assert members == ["late", "hello", "firelens_log_router", "pause"]
        assert project.everything() == log_volume(project)

    def test_twice_stops_at_once(self, empty: Project) -> None:
        project = backend(empty, DEAF, more=small.SIDE + LONG_STOP)
        running = project.start("up")
        running.wait_for("| deaf")
        running.wait_for("Ctrl-C to stop")
        running.signal(signal.SIGINT)
        running.wait_for("Ctrl-C again stops at once")
        running.wait_for("✓ stop hello/side")  # and hello, at the same time, is sent its SIGTERM
        running.signal(signal.SIGINT)
        assert running.wait().code == 130
        assert project.everything() == log_volume(project)

    def test_while_it_comes_up_leaves_nothing(self, hello: Project) -> None:
        running = hello.start("up")
        wait_until(lambda: bool(hello.containers()), "the first container")
        running.signal(signal.SIGINT)
        assert running.wait().code == 130
        assert [name for name in hello.everything() if name not in log_volume(hello)] == []

    def test_while_manifests_are_read_leaves_nothing(self, hello: Project) -> None:
        """`unit/cli/test_early_claim.py` sends other signals."""
        running = hello.start("up", "-d")
        wait_until(lambda: bool(hello.networks()), "the network, which comes before the manifests are read")
        running.signal(signal.SIGHUP)
        assert running.wait().code == 130
        assert hello.everything() == []

    def test_ends_a_build(self, hello: Project) -> None:
        hello.edit(MANIFEST, "location: busybox:1.37", "build: hello/Dockerfile")
        hello.write("hello/Dockerfile", "FROM busybox:1.37\nRUN echo begun && sleep 300\n")
        running = hello.start("up", "-d")
        running.wait_for("build hello/Dockerfile …")
        running.signal(signal.SIGINT)
        assert running.wait(30).code == 130
        assert hello.everything() == []


class TestKilled:
    def test_in_the_foreground_the_agent_takes_over(self, empty: Project) -> None:
        project = small.web(empty)
        running = project.foreground()
        running.signal(signal.SIGKILL)
        running.wait()
        tasks = project.tasks()
        docker("kill", project.container("hello"))
        wait_until(lambda: replaced(project, tasks) and project.answers("/api/x"), "a replacement that answers")
        project.run("down").ok()
        assert project.everything() == log_volume(project)

    def test_in_the_middle_of_up_nothing_stays_after_down(self, hello: Project) -> None:
        """Earlier, while there is no more than the agent: `docker/faults/test_commands.py`."""
        running = hello.start("up", "-d")
        wait_until(lambda: any("hello" in c.name.split("-") for c in hello.containers()), "container hello")
        running.signal(signal.SIGKILL)
        running.wait()
        hello.run("down", "-v").ok()
        assert hello.everything() == []


@dataclass(frozen=True)
class Ended:
    """An environment after its `down`."""

    project: Project
    down: Result
    followed: Result
    """What `logs -f` printed until the end."""
    network: str
    data: list[str]
    """The volumes that are left."""


@pytest.fixture(scope="module")
def ended(make_shared_project: MakeProject, busybox: str) -> Iterator[Ended]:
    """Its program asks for its metadata when it is sent SIGTERM. A container of somebody else is in its network."""
    handler = f'trap "{ASKS}; echo stopping; exit 0" TERM; echo ready; sleep 3600 & wait'
    project = backend(make_shared_project(""), handler, more=SHARED)
    project.up()
    following = project.start("logs", "-f")
    following.wait_for("ready")
    [network] = project.networks()
    visitor = docker("run", "--detach", "--rm", "--init", "--network", network, busybox, "sleep", "600").strip()
    try:
        down = project.run("down").ok()
        left = project.everything()
        assert [name for name in left if name not in project.volumes()] == [network]
        yield Ended(project, down, following.wait(20), network, [name for name in left if name != network])
    finally:
        docker("rm", "--force", visitor)
    project.run("down", "-v").ok()
    assert project.everything() == []


class TestDown:
    def test_ends_those_who_follow_the_logs_and_keeps_the_log_volume_and_with_v_nothing(self, ended: Ended) -> None:
        project = ended.project
        assert f"{project.app}/test is gone; logs and data stay" in ended.down.err
        lines = ended.followed.ok().out.splitlines()
        assert [line for line in lines if line.startswith("hello/hello") and "stopping" in line]
        assert ended.data == sorted([*log_volume(project), f"cl-{project.app}-test-efs-managed-hello"])
        assert "its logs are kept" in project.run("logs").ok().err

    def test_of_nothing_says_so(self, hello: Project) -> None:
        result = hello.run("down").ok()
        assert f"nothing is running in {hello.app}/test" in result.err


def test_a_network_that_something_else_uses_keeps_nothing_else(ended: Ended) -> None:
    """Which the fixture looks at."""
    assert f"network {ended.network} is left" in ended.down.err
    assert f"`docker network inspect {ended.network}` shows what is in it" in ended.down.err


def test_a_task_that_ends_with_the_environment_still_gets_its_metadata(ended: Ended, busybox: str) -> None:
    """As on ECS: what a program does at SIGTERM may need credentials and metadata."""
    [data] = [name for name in ended.data if name not in log_volume(ended.project)]
    mount = ("--network", "none", "--volume", f"{data}:/data")
    answer = json.loads(docker("run", "--rm", *mount, busybox, "cat", "/data/answer"))
    assert answer["Family"] == f"{ended.project.app}-test-hello"
