"""What goes wrong is said once: what, where and what to do, with the right exit code and nothing left behind."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.docker.project import Project, Result

pytestmark = pytest.mark.docker

MANIFEST = "copilot/hello/manifest.yml"


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


@pytest.mark.parametrize("arguments", [("up", "-d"), ("up",), ("ps",), ("logs",), ("down",)])
def test_no_docker(nginx: Project, arguments: tuple[str, ...]) -> None:
    dead = f"unix://{nginx.folder}/docker.sock"
    result = nginx.run(*arguments, variables={"DOCKER_HOST": dead, "DOCKER_CONTEXT": ""})
    failed(nginx, result, 125, "Docker", f"{nginx.folder}/docker.sock")


@pytest.mark.parametrize("verb", ["up", "validate", "ps"])
def test_no_manifest(nginx: Project, tmp_path: Path, verb: str) -> None:
    nginx.folder = tmp_path
    failed(nginx, nginx.run(verb), 1, "copilot/", str(tmp_path))


def test_yaml_that_does_not_parse(nginx: Project) -> None:
    nginx.edit(MANIFEST, "  port: 3000\n", "  port: [3000\n")
    where = f"{MANIFEST}:8:5"  # the list is still open where the next key has its colon
    failed(nginx, nginx.run("up"), 1, where)
    checked = nginx.run("validate")
    assert checked.code == 1
    assert where in checked.out
    assert "hint:" in checked.out


class TestAnUnknownKey:
    @pytest.fixture
    def misspelt(self, nginx: Project) -> Project:
        nginx.edit(MANIFEST, "healthcheck:", "healthchek:")
        return nginx

    def test_is_an_error_of_validate(self, misspelt: Project) -> None:
        result = misspelt.run("validate")
        where = position(misspelt, "healthchek")
        assert result.code == 1
        printed = result.out + result.err
        assert f"{where}:3" in printed
        assert "healthchek" in printed
        assert "healthcheck" in printed

    def test_is_a_warning_of_up(self, misspelt: Project) -> None:
        result = misspelt.run("up", "-d", "--port", str(misspelt.port)).ok()
        assert "warning" in result.err
        assert position(misspelt, "healthchek") in result.err
        assert misspelt.container("hello")

    def test_is_an_error_of_up_strict(self, misspelt: Project) -> None:
        failed(misspelt, misspelt.run("up", "-d", "--strict"), 1, position(misspelt, "healthchek"))


class TestABusyPort:
    @pytest.fixture
    def listener(self, nginx: Project) -> Iterator[socket.socket]:
        listener = socket.create_server(("127.0.0.1", nginx.port))
        yield listener
        listener.close()

    def test_that_was_asked_for(self, nginx: Project, listener: socket.socket) -> None:
        failed(nginx, nginx.run("up", "-d", "--port", str(nginx.port)), 1, f"port {nginx.port}", "127.0.0.1")

    def test_of_the_settings(self, nginx: Project, listener: socket.socket) -> None:
        nginx.append("copilot-local.toml", f"[front]\nport = {nginx.port}\n")
        failed(nginx, nginx.run("up", "-d"), 1, f"port {nginx.port}", "127.0.0.1")


def test_a_dockerfile_that_fails(nginx: Project) -> None:
    nginx.append("hello/Dockerfile", '\nRUN echo "the compiler says no" && exit 7\n')
    result = nginx.run("up", "-d", "--port", str(nginx.port))
    failed(nginx, result, 1, "hello/Dockerfile", "the compiler says no")


def test_an_image_that_cannot_be_pulled(nginx: Project) -> None:
    image = "127.0.0.1:1/nobody/nothing:1"
    nginx.edit(MANIFEST, "1234567890.dkr.ecr.us-west-2.amazonaws.com/reverse-proxy:revision_1", image)
    failed(nginx, nginx.run("up", "-d", "--port", str(nginx.port)), 1, image)


def test_a_main_container_that_exits_at_once(nginx: Project) -> None:
    nginx.append(MANIFEST, "\ncommand: sh -c 'echo no database; echo giving up; exit 3'\n")
    result = nginx.run("up", "-d", "--wait", "--port", str(nginx.port))
    assert (result.code, result.out) == (1, "")
    for text in ("container hello", "code 3", "no database", "giving up"):
        assert text in result.err
    assert "Traceback" not in result.err
    assert nginx.everything() == []


def test_retain_keeps_what_failed_until_down(nginx: Project) -> None:
    nginx.append(MANIFEST, "\ncommand: sh -c 'echo no database; exit 3'\n")
    assert nginx.run("up", "-d", "--wait", "--retain", "--port", str(nginx.port)).code == 1
    assert "hello" in {container.labels.get("copilot-local.container") for container in nginx.containers()}
    assert "no database" in nginx.run("logs").ok().out
    nginx.run("down", "-v").ok()
    assert nginx.everything() == []


def test_a_command_that_is_not_there(nginx: Project) -> None:
    nginx.append(MANIFEST, "\ncommand: /not/there\n")
    failed(nginx, nginx.run("up", "-d", "--port", str(nginx.port)), 1, "hello", "/not/there")


def test_a_target_container_without_a_port(nginx: Project) -> None:
    nginx.edit(MANIFEST, "    port: 80\n", "")
    failed(nginx, nginx.run("up", "-d"), 1, position(nginx, "targetContainer"), "nginx", "port")
