"""What goes wrong with Docker gives one clear message, the right exit code, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.docker.cli.conftest import Shell

pytestmark = pytest.mark.docker

Example = Callable[[str], "Shell"]
NOTHING: dict[str, list[str]] = {"containers": [], "networks": [], "volumes": []}


@pytest.fixture
def shell(example: Example) -> Shell:
    return example("nginx-sidecar")


def test_a_dockerfile_that_is_not_there(shell: Shell) -> None:
    (shell.folder / "hello" / "Dockerfile").unlink()
    ended = shell.up("-d")
    assert (ended.code, ended.out) == (1, "")
    assert "hello/Dockerfile" in ended.err.split("error: ")[1]
    assert shell.left() == NOTHING


def test_the_foreground_ends_with_the_code_of_the_essential_container(shell: Shell) -> None:
    (shell.folder / "hello" / "start").write_text("#!/bin/sh\nsleep 2\necho that was it\nexit 7\n")
    ended = shell.up()
    assert ended.code == 7, ended.err
    assert "| that was it\n" in ended.out
    left = shell.left()
    assert (left["containers"], left["networks"]) == ([], [])


def test_a_dry_run_makes_nothing(shell: Shell) -> None:
    ended = shell.up("-d", "--wait", "--dry-run")
    assert ended.code == 0, ended.err
    for word in ("create container", "pause", "nginx", "hello", "front"):
        assert word in ended.out
    assert shell.left() == NOTHING


def test_an_image_option_builds_a_folder_in_place_of_the_manifests_image(shell: Shell) -> None:
    other = shell.folder / "other"
    other.mkdir()
    (other / "Dockerfile").write_text("FROM nginx:1.27\nCOPY default.conf /etc/nginx/conf.d/default.conf\n")
    (other / "default.conf").write_text("server { listen 80; location / { return 200 'the other one'; } }\n")
    ended = shell.up("-d", "--wait", "--image", "nginx=./other")
    assert ended.code == 0, ended.err
    assert shell.get("/api/x").text == "the other one"
