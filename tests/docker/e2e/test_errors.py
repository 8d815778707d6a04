"""What goes wrong is said once: what, where and what to do, with the right exit code and nothing left behind."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.docker.e2e import small
from tests.docker.faults.services import MANIFEST, backend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.docker.project import Project, Result

pytestmark = pytest.mark.docker

EXITS = "echo no database; echo giving up; exit 3"
WEB_PORT = "  port: 3000\n"


def failed(project: Project, result: Result, code: int, *texts: str) -> None:
    """It ended with this code, said all this and a hint on standard error alone, and left nothing."""
    assert (result.code, result.out) == (code, ""), result.err
    for text in texts:
        assert text in result.err
    assert "hint:" in result.err
    assert "Traceback" not in result.err
    assert project.everything() == []


def position(project: Project, text: str) -> str:
    """FILE:LINE of the first line of the manifest that has this text."""
    lines = (project.folder / MANIFEST).read_text().splitlines()
    return f"{MANIFEST}:{next(number for number, line in enumerate(lines, start=1) if text in line)}"


@pytest.fixture
def web(empty: Project) -> Project:
    return small.web(empty)


@pytest.mark.parametrize("arguments", [("up", "-d"), ("ps",), ("logs",), ("down",)])
def test_no_docker(web: Project, arguments: tuple[str, ...]) -> None:
    dead = f"unix://{web.folder}/docker.sock"
    result = web.run(*arguments, variables={"DOCKER_HOST": dead, "DOCKER_CONTEXT": ""})
    failed(web, result, 125, "Docker", f"{web.folder}/docker.sock")


@pytest.mark.parametrize("verb", ["up", "validate", "ps"])
def test_no_manifest(web: Project, tmp_path: Path, verb: str) -> None:
    web.folder = tmp_path
    failed(web, web.run(verb), 1, "copilot/", str(tmp_path))


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

    @pytest.fixture
    def misspelt(self, empty: Project) -> Project:
        return backend(empty, more="variabels: {COLOUR: red}\n")

    def test_is_a_warning_of_up(self, misspelt: Project) -> None:
        result = misspelt.run("up", "-d").ok()
        assert "warning" in result.err
        assert position(misspelt, "variabels") in result.err
        assert misspelt.container("hello")

    def test_is_an_error_of_up_strict(self, misspelt: Project) -> None:
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


def test_a_dockerfile_that_fails(empty: Project) -> None:
    project = backend(empty)
    project.edit(MANIFEST, "location: busybox:1.37", "build: hello/Dockerfile")
    project.write("hello/Dockerfile", 'FROM busybox:1.37\nRUN echo "the compiler says no" && exit 7\n')
    failed(project, project.run("up", "-d"), 1, "hello/Dockerfile", "the compiler says no")


def test_an_image_that_cannot_be_pulled(empty: Project) -> None:
    image = "127.0.0.1:1/nobody/nothing:1"
    project = backend(empty)
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
