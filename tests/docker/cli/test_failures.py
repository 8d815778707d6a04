"""What goes wrong with Docker gives one clear message, the right exit code, and leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.docker.cli.conftest import Shell

pytestmark = pytest.mark.docker

NOTHING: dict[str, list[str]] = {"containers": [], "networks": [], "volumes": []}


def test_the_foreground_ends_with_the_code_of_the_essential_container(shell: Shell) -> None:
    (shell.folder / "hello" / "start").write_text("#!/bin/sh\necho that was it\nexit 7\n")
    ended = shell.up()
    assert ended.code == 7, ended.err
    assert "| that was it\n" in ended.out
    left = shell.left()
    assert (left["containers"], left["networks"]) == ([], [])


def test_a_dry_run_makes_nothing(shell: Shell) -> None:
    ended = shell.up("-d", "--wait", "--dry-run")
    assert ended.code == 0, ended.err
    for word in ("create container", "pause", "hello", "front"):
        assert word in ended.out
    assert shell.left() == NOTHING
