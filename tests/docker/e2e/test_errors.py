"""What goes wrong is said once: what, where and what to do, with the right exit code and nothing left behind.

What goes wrong before a task is made does so in an environment in which another service runs: its agent is there, and
does not come and go each time.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.docker.e2e import small
from tests.docker.e2e.conftest import Beside
from tests.docker.e2e.test_watch import SYNC
from tests.docker.faults.services import MANIFEST, WAITS, backend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.docker.project import MakeProject, Project, Result

pytestmark = pytest.mark.docker

EXITS = "echo no database; echo giving up; exit 3"
WEB_PORT = "  port: 3000\n"
MISSPELT = "variabels: {COLOUR: red}\n"
RUNS = f"""
name: runs
type: Backend Service
image:
  location: busybox:1.37
command: sh -c '{WAITS}'
{MISSPELT}"""


@pytest.fixture(scope="module")
def begun(make_shared_project: MakeProject) -> tuple[Project, Result]:
    """A service that runs, and how its `up` ended. There is no such key as its manifest has."""
    project = make_shared_project("")
    project.write("copilot/runs/manifest.yml", RUNS)
    return project, project.run("up", "-d").ok()


@pytest.fixture
def beside(begun: tuple[Project, Result], tmp_path: Path) -> Project:
    """An empty folder. What it runs is for the environment in which that service runs."""
    return Beside(tmp_path, begun[0])


def failed(project: Project, result: Result, code: int, *texts: str) -> None:
    """It ended with this code, said all this and a hint on standard error alone, and left nothing."""
    assert (result.code, result.out) == (code, ""), result.err
    for text in texts:
        assert text in result.err
    assert "hint:" in result.err
    assert "Traceback" not in result.err
    assert project.everything() == []


def position(project: Project, text: str, manifest: str = MANIFEST) -> str:
    """FILE:LINE of the first line of the manifest that has this text."""
    lines = (project.folder / manifest).read_text().splitlines()
    return f"{manifest}:{next(number for number, line in enumerate(lines, start=1) if text in line)}"


@pytest.fixture
def web(beside: Project) -> Project:
    return small.web(beside)


@pytest.mark.parametrize("arguments", [("up", "-d"), ("ps",), ("logs",), ("down",)])
def test_no_docker(web: Project, arguments: tuple[str, ...]) -> None:
    dead = f"unix://{web.folder}/docker.sock"
    result = web.run(*arguments, variables={"DOCKER_HOST": dead, "DOCKER_CONTEXT": ""})
    failed(web, result, 125, "Docker", f"{web.folder}/docker.sock")


@pytest.mark.parametrize("verb", ["up", "validate", "ps"])
def test_no_manifest(beside: Project, verb: str) -> None:
    failed(beside, beside.run(verb), 1, "copilot/", str(beside.folder))


def test_yaml_that_does_not_parse(web: Project) -> None:
    web.edit(MANIFEST, WEB_PORT, "  port: [3000\n")
    where = f"{MANIFEST}:7:5"  # the list is still open where the next key has its colon
    failed(web, web.run("up"), 1, where)
    checked = web.run("validate")
    assert checked.code == 1
    assert where in checked.out
    assert "hint:" in checked.out


class TestAnUnknownKey:
    """That `validate` calls it an error: `unit/cli/test_verbs.py`."""

    def test_is_a_warning_of_up(self, begun: tuple[Project, Result]) -> None:
        project, result = begun
        assert "warning" in result.err
        assert position(project, "variabels", "copilot/runs/manifest.yml") in result.err
        assert project.container("runs")

    def test_is_an_error_of_up_strict(self, beside: Project) -> None:
        misspelt = backend(beside, more=MISSPELT)
        failed(misspelt, misspelt.run("up", "-d", "--strict"), 1, position(misspelt, "variabels"))


class TestABusyPort:
    @pytest.fixture
    def listener(self, web: Project) -> Iterator[socket.socket]:
        listener = socket.create_server(("127.0.0.1", web.port))
        yield listener
        listener.close()

    def test_that_was_asked_for(self, web: Project, listener: socket.socket) -> None:
        failed(web, web.run("up", "-d", "--port", str(web.port)), 1, f"port {web.port}", "127.0.0.1")

    def test_of_the_settings(self, web: Project, listener: socket.socket) -> None:
        web.write("copilot-local.toml", f"[front]\nport = {web.port}\n")
        failed(web, web.run("up", "-d"), 1, f"port {web.port}", "127.0.0.1")


def test_a_dockerfile_that_fails(beside: Project) -> None:
    project = backend(beside)
    project.edit(MANIFEST, "location: busybox:1.37", "build: hello/Dockerfile")
    project.write("hello/Dockerfile", 'FROM busybox:1.37\nRUN echo "the compiler says no" && exit 7\n')
    failed(project, project.run("up", "-d"), 1, "hello/Dockerfile", "the compiler says no")


def test_a_dockerfile_that_is_not_there(beside: Project) -> None:
    project = backend(beside)
    project.edit(MANIFEST, "location: busybox:1.37", "build: hello/Dockerfile")
    failed(project, project.run("up", "-d"), 1, "error: ", "hello/Dockerfile")


def test_a_sync_rule_into_a_read_only_container(beside: Project) -> None:
    project = backend(beside, more="storage:\n  readonly_fs: true\n")
    project.write("copilot-local.toml", SYNC)
    project.write("hello/words/word", "first\n")
    failed(project, project.run("up", "--watch"), 1, "its file system is read-only")


def test_an_image_that_cannot_be_pulled(beside: Project) -> None:
    image = "127.0.0.1:1/nobody/nothing:1"
    project = backend(beside)
    project.edit(MANIFEST, "busybox:1.37", image)
    failed(project, project.run("up", "-d"), 1, image)


def test_a_main_container_that_exits_at_once(empty: Project) -> None:
    result = backend(empty, EXITS).run("up", "-d", "--wait")
    assert (result.code, result.out) == (1, "")
    for text in ("container hello", "code 3", "no database", "giving up"):
        assert text in result.err
    assert "Traceback" not in result.err
    assert empty.everything() == []


def test_retain_keeps_what_failed_until_down(empty: Project) -> None:
    assert backend(empty, EXITS).run("up", "-d", "--wait", "--retain").code == 1
    assert "hello" in {container.labels.get("copilot-local.container") for container in empty.containers()}
    assert "no database" in empty.run("logs").ok().out
    empty.run("down", "-v").ok()
    assert empty.everything() == []


def test_a_command_that_is_not_there(empty: Project) -> None:
    project = backend(empty)
    project.edit(MANIFEST, "command: sh -c", "command: /not/there -c")
    failed(project, project.run("up", "-d"), 1, "hello", "/not/there")


def test_a_target_container_without_a_port(web: Project) -> None:
    web.edit(MANIFEST, "targetContainer: hello", "targetContainer: side")
    web.append(MANIFEST, small.SIDE)
    failed(web, web.run("up", "-d"), 1, position(web, "targetContainer"), "side", "port")
