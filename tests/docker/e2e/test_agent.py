"""The agent keeps a detached service running: it replaces tasks, survives its own death, and rolls changes out."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.docker.e2e import small
from tests.docker.project import daemon, docker, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

WITHIN = 60.0
"""Seconds until a replacement has to serve. One takes about one on an idle machine; the limit is for a broken one."""


@pytest.fixture(scope="module")
def shared(make_shared_project: MakeProject) -> Project:
    """What the tests below do things to."""
    return small.web(make_shared_project(""))


@pytest.fixture
def web(shared: Project) -> Iterator[Project]:
    """It is up and healthy, whatever was done to it before; its manifest is put back at the end."""
    manifest = (shared.folder / small.MANIFEST).read_text()
    shared.up()
    yield shared
    shared.write(small.MANIFEST, manifest)


def replaced(project: Project, old: str, path: str) -> float:
    """Seconds until the task of this id is gone and another one answers."""

    def done() -> bool:
        tasks = project.tasks()
        return old not in tasks and len(tasks) == 1 and project.answers(path)

    return wait_until(done, lambda: f"a replacement of {old}: {project.containers()}", WITHIN)


def started_at(container: str) -> str:
    with daemon() as client:
        found: str = client.inspect_container(container)["State"]["StartedAt"]
    return found


def test_a_container_that_dies_has_its_task_replaced_within_seconds(web: Project) -> None:
    """Here the one that only has the network; the main container dies below."""
    (task,) = web.tasks()
    docker("kill", web.container("pause"))
    replaced(web, task, "/api/x")


class TestTheAgentItself:
    def test_goes_on_after_a_restart(self, web: Project) -> None:
        (task,) = web.tasks()
        docker("restart", "--timeout", "5", web.container("agent"))
        wait_until(lambda: bool(web.ps()["supervised"]), "the agent's answer")
        assert web.tasks() == {task}
        docker("kill", web.container("hello"))
        replaced(web, task, "/api/x")

    def test_that_crashes_comes_back(self, web: Project) -> None:
        (task,) = web.tasks()
        agent = web.container("agent")
        started = started_at(agent)
        docker("exec", agent, "sh", "-c", "kill -9 $(cat /proc/1/task/1/children)")
        wait_until(lambda: started_at(agent) != started, "its restart")
        docker("kill", web.container("hello"))
        replaced(web, task, "/api/x")

    def test_that_was_killed_is_reported_by_ps_and_brought_back_by_up(self, web: Project) -> None:
        (task,) = web.tasks()
        docker("kill", web.container("agent"))
        assert "no agent looks after it" in web.run("ps").ok().err
        web.up()
        assert web.tasks() == {task}
        docker("kill", web.container("hello"))
        replaced(web, task, "/api/x")


class Poll:
    """Asks for a path again and again, and counts what came back."""

    def __init__(self, project: Project, path: str) -> None:
        self.url = f"http://127.0.0.1:{project.port}{path}"
        # Each request on a connection of its own. A client that is made once keeps the processor for what rolls.
        self.client = httpx.Client(headers={"Connection": "close"}, timeout=20, verify=False)
        self.answers: Counter[int | str] = Counter()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        while not self._end.is_set():
            try:
                self.answers[self.client.get(self.url).status_code] += 1
            except httpx.TransportError as error:
                self.answers[type(error).__name__] += 1
            self._end.wait(0.05)  # what rolls meanwhile needs the processor

    def end(self) -> Counter[int | str]:
        self._end.set()
        self._thread.join(30)
        self.client.close()
        return self.answers


class TestASecondUp:
    def test_of_the_same_changes_nothing(self, web: Project) -> None:
        before = {container.name for container in web.containers()}
        web.up()
        assert {container.name for container in web.containers()} == before

    def test_of_a_changed_manifest_rolls_without_a_failed_request(self, web: Project) -> None:
        (task,) = web.tasks()
        web.append(small.MANIFEST, "\nvariables:\n  COLOUR: blue\n")
        poll = Poll(web, "/api/x")
        try:
            web.up()
        finally:
            answers = poll.end()
        assert set(answers) == {200}
        assert len(web.tasks()) == 1
        assert web.tasks() != {task}
        assert "COLOUR=blue" in docker("exec", web.container("hello"), "env")

    def test_that_fails_leaves_the_old_task_serving(self, web: Project) -> None:
        (task,) = web.tasks()
        web.edit(small.MANIFEST, "echo listening on port 3000", "echo no database; exit 3")
        poll = Poll(web, "/api/x")
        try:
            result = web.run("up", "-d", "--wait", "--port", str(web.port))
        finally:
            answers = poll.end()
        assert result.code == 1
        assert "code 3" in result.err
        assert "no database" in result.err
        assert set(answers) == {200}
        wait_until(lambda: web.tasks() == {task}, lambda: f"only the old task: {web.containers()}")
