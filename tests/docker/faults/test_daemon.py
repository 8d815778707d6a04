"""The Docker daemon restarts, or is killed, under an environment that runs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from emulator.setup import substitutes
from emulator.setup.images import FRONT_IMAGE, PAUSE_IMAGE, ensure_agent_image
from tests.docker.faults.private_daemon import PrivateDaemon, missing
from tests.docker.project import wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

MANIFEST = """
name: hello
type: Load Balanced Web Service
image:
  location: busybox:1.37
  port: 3000
http:
  path: '/'
command: sh -c 'echo served > /tmp/index.html; trap "exit 0" TERM; httpd -f -p 3000 -h /tmp & wait'
cpu: 256
memory: 512
count: 2
"""


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateDaemon]:
    """A daemon of the test's own with the images that an environment needs; commands talk to it."""
    if reason := missing():
        pytest.skip(reason)
    table = substitutes.read()
    images = [table.get(image, image) for image in (PAUSE_IMAGE, FRONT_IMAGE)]
    agent = ensure_agent_image()
    daemon = PrivateDaemon()
    try:
        daemon.start()
        daemon.load(*images, agent)
        monkeypatch.setenv("DOCKER_HOST", daemon.host)
        yield daemon
    finally:
        monkeypatch.undo()
        daemon.close()


@pytest.fixture
def project(daemon: PrivateDaemon, make_project: MakeProject) -> Project:
    project = make_project("")
    project.write("copilot/hello/manifest.yml", MANIFEST)
    return project


def test_a_daemon_that_restarts_or_is_killed_has_its_tasks_replaced(daemon: PrivateDaemon, project: Project) -> None:
    project.up()
    for number in (signal.SIGTERM, signal.SIGKILL):
        before = project.tasks()
        daemon.end(number)
        daemon.start()

        def recovered(before: set[str] = before) -> bool:
            tasks = project.tasks()
            return len(tasks) == 2 and not tasks & before and project.targets() == ["healthy", "healthy"]

        wait_until(recovered, lambda: str(project.containers()), 180)
        assert daemon.request(f"http://127.0.0.1:{project.port}/") == "served"
    assert project.ps()["supervised"]
    project.run("down", "-v").ok()
    assert project.everything() == []
