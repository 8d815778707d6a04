"""The agent keeps a detached service running: it replaces tasks, survives its own death, and rolls changes out."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

MANIFEST = "copilot/hello/manifest.yml"
WITHIN = 60.0
"""Seconds until a replacement has to serve. One takes about one on an idle machine; the limit is for a broken one."""


@pytest.fixture(scope="module")
def shared(make_shared_project: MakeProject) -> Project:
    """The example that most tests below do things to."""
    return make_shared_project("nginx-sidecar")


@pytest.fixture(scope="module")
def another(make_shared_project: MakeProject) -> Project:
    """One more, whose agent suffers: tasks that die young again and again are held back, for longer each time."""
    return make_shared_project("nginx-sidecar")


@contextlib.contextmanager
def serving(project: Project) -> Iterator[Project]:
    """It is up and healthy, whatever was done to it before; its manifest is put back at the end."""
    manifest = (project.folder / MANIFEST).read_text()
    project.up()
    yield project
    project.write(MANIFEST, manifest)


@pytest.fixture
def nginx(shared: Project) -> Iterator[Project]:
    with serving(shared) as project:
        yield project


def replaced(project: Project, old: str, path: str) -> float:
    """Seconds until the task of this id is gone and another one answers."""

    def done() -> bool:
        tasks = project.tasks()
        return old not in tasks and len(tasks) == 1 and project.answers(path)

    return wait_until(done, lambda: f"a replacement of {old}: {project.containers()}", WITHIN)


@pytest.mark.parametrize("victim", ["hello", "nginx", "pause"])
def test_a_container_that_dies_has_its_task_replaced_within_seconds(nginx: Project, victim: str) -> None:
    (task,) = nginx.tasks()
    docker("kill", nginx.container(victim))
    replaced(nginx, task, "/api/x")


class TestTheAgentItself:
    @pytest.fixture
    def nginx(self, another: Project) -> Iterator[Project]:
        with serving(another) as project:
            yield project

    def test_goes_on_after_a_restart(self, nginx: Project) -> None:
        (task,) = nginx.tasks()
        docker("restart", "--timeout", "5", nginx.container("agent"))
        wait_until(lambda: bool(nginx.ps()["supervised"]), "the agent's answer")
        assert nginx.tasks() == {task}
        docker("kill", nginx.container("hello"))
        replaced(nginx, task, "/api/x")

    def test_that_crashes_comes_back(self, nginx: Project) -> None:
        (task,) = nginx.tasks()
        agent = nginx.container("agent")
        started = docker("inspect", "--format", "{{.State.StartedAt}}", agent)
        docker("exec", agent, "sh", "-c", "kill -9 $(cat /proc/1/task/1/children)")
        wait_until(lambda: docker("inspect", "--format", "{{.State.StartedAt}}", agent) != started, "its restart")
        docker("kill", nginx.container("hello"))
        replaced(nginx, task, "/api/x")

    def test_that_was_killed_is_reported_by_ps_and_brought_back_by_up(self, nginx: Project) -> None:
        (task,) = nginx.tasks()
        docker("kill", nginx.container("agent"))
        assert "no agent looks after it" in nginx.run("ps").ok().err
        nginx.up()
        assert nginx.tasks() == {task}
        docker("kill", nginx.container("hello"))
        replaced(nginx, task, "/api/x")


class Poll:
    """Asks for a path again and again, and counts what came back."""

    def __init__(self, project: Project, path: str) -> None:
        self.url = f"http://127.0.0.1:{project.port}{path}"
        self.answers: Counter[int | str] = Counter()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        while not self._end.is_set():
            try:
                self.answers[httpx.get(self.url, timeout=20, verify=False).status_code] += 1
            except httpx.TransportError as error:
                self.answers[type(error).__name__] += 1
            self._end.wait(0.02)  # what rolls meanwhile needs the processor

    def end(self) -> Counter[int | str]:
        self._end.set()
        self._thread.join(30)
        return self.answers


class TestASecondUp:
    def test_of_the_same_changes_nothing(self, nginx: Project) -> None:
        before = {container.name for container in nginx.containers()}
        nginx.up()
        assert {container.name for container in nginx.containers()} == before

    def test_of_a_changed_manifest_rolls_without_a_failed_request(self, nginx: Project) -> None:
        nginx.append(MANIFEST, "\nvariables:\n  COLOUR: red\n")
        nginx.up()
        (task,) = nginx.tasks()
        nginx.edit(MANIFEST, "COLOUR: red", "COLOUR: blue")
        poll = Poll(nginx, "/api/x")
        try:
            nginx.up()
        finally:
            answers = poll.end()
        assert set(answers) == {200}
        assert len(nginx.tasks()) == 1
        assert nginx.tasks() != {task}
        assert "COLOUR=blue" in docker("exec", nginx.container("hello"), "env")

    def test_that_fails_leaves_the_old_task_serving(self, nginx: Project) -> None:
        (task,) = nginx.tasks()
        nginx.append(MANIFEST, "\ncommand: sh -c 'echo no database; exit 3'\n")
        poll = Poll(nginx, "/api/x")
        try:
            result = nginx.run("up", "-d", "--wait", "--port", str(nginx.port))
        finally:
            answers = poll.end()
        assert result.code == 1
        assert "no database" in result.err
        assert set(answers) == {200}
        wait_until(lambda: nginx.tasks() == {task}, lambda: f"only the old task: {nginx.containers()}")
