"""Whether `docker` has the BuildKit plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.engine.docker import buildx
from emulator.engine.docker.buildx import has_buildx


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` without plugins, which writes its words into the file `asked` beside it."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr(buildx, "_FOLDERS", ())
    return program(tmp_path / "docker", f'echo "$*" >> {tmp_path}/asked; exit 1')


def program(file: Path, script: str) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def test_a_plugin_in_the_users_folder_is_found_without_starting_docker(docker: Path, tmp_path: Path) -> None:
    program(tmp_path / "cli-plugins" / "docker-buildx", "exit 0")
    assert has_buildx(str(docker))
    assert not (tmp_path / "asked").exists()


def test_docker_is_asked_where_there_is_no_file_of_it(docker: Path, tmp_path: Path) -> None:
    assert not has_buildx(str(docker))
    assert (tmp_path / "asked").read_text() == "buildx version\n"
    elsewhere = program(tmp_path / "other" / "docker", "exit 0")
    assert has_buildx(str(elsewhere))


def test_a_file_that_cannot_be_run_is_no_plugin(docker: Path, tmp_path: Path) -> None:
    program(tmp_path / "cli-plugins" / "docker-buildx", "exit 0").chmod(0o644)
    assert not has_buildx(str(docker))
    (tmp_path / "cli-plugins" / "docker-buildx").unlink()
    (tmp_path / "cli-plugins" / "docker-buildx").symlink_to(tmp_path / "gone")
    assert not has_buildx(str(docker))


def test_a_docker_that_cannot_be_run_has_none(docker: Path, tmp_path: Path) -> None:
    assert not has_buildx(str(tmp_path / "nothing"))
