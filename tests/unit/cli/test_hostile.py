"""Malformed files: refused in few words, soon, and never with a traceback."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.errors import InputError
from emulator.workspace import read_secrets, secret_names

Run = Callable[..., Any]

BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]", *(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 10}]" for n in range(1, 12))]
)


def loop(file: Path) -> None:
    file.symlink_to(file.name)


def write(content: bytes) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(content)


HOSTILE = [
    pytest.param(write(BOMB.encode()), "aliases are expanded", id="aliases"),
    pytest.param(write(b"a: " + b"x" * 10_000_000), "larger than 1,000,000 bytes", id="large"),
    pytest.param(write(b"a: " + b"[" * 5000), "nested deeper", id="deep"),
    pytest.param(write(b"\x7fELF\x02\x01\0\0\x1b[2J"), "binary", id="binary"),
    pytest.param(write("name: x\n".encode("utf-16")), "UTF-16", id="utf-16"),
    pytest.param(write(b"name: caf\xe9\n"), "is not UTF-8", id="latin-1"),
    pytest.param(loop, "lead in a circle", id="loop"),
    pytest.param(os.mkfifo, "not a regular file", id="pipe"),
    pytest.param(Path.mkdir, "is a folder", id="folder"),
]


def refused(run: Run, *arguments: str) -> str:
    """What the command says, on both streams; it is short, came soon and is no bug of ours."""
    began = time.process_time()
    ended = run(*arguments)
    assert time.process_time() - began < 5
    said: str = ended.out + ended.err
    assert ended.code == 1
    assert "Traceback" not in said
    assert "\x1b" not in said
    assert len(said) < 2000
    return said


@pytest.mark.parametrize("verb", ["validate", "config", "render taskdef"])
@pytest.mark.parametrize(("make", "message"), HOSTILE)
def test_a_manifest(run: Run, workspace: Path, make: Callable[[Path], object], message: str, verb: str) -> None:
    file = workspace / "copilot" / "hello" / "manifest.yml"
    file.unlink()
    make(file)
    said = refused(run, *verb.split())
    assert "copilot/hello/manifest.yml" in said
    assert message in said


@pytest.mark.parametrize(("make", "message"), [case for case in HOSTILE if case.id not in ("loop", "pipe", "folder")])
def test_the_workspace_file(run: Run, workspace: Path, make: Callable[[Path], object], message: str) -> None:
    make(workspace / "copilot" / ".workspace")
    said = refused(run, "validate")
    assert "copilot/.workspace:" in said
    assert message in said


def test_folders_that_lead_back_to_themselves(run: Run, workspace: Path) -> None:
    (workspace / "copilot" / "again").symlink_to("..")
    (workspace / "copilot" / "hello" / "up").symlink_to("../..")
    edited = workspace / "copilot" / "hello" / "manifest.yml"
    edited.write_text(edited.read_text().replace("targetContainer", "target_container"))
    ended = run("validate", str(workspace.parent))
    assert (ended.code, ended.out.count("✓")) == (0, 1)


def test_one_file_that_cannot_be_read_does_not_hide_the_others(run: Run, workspace: Path) -> None:
    (workspace / "copilot" / "alpha").mkdir()
    loop(workspace / "copilot" / "alpha" / "manifest.yml")
    said = refused(run, "validate")
    assert "copilot/alpha/manifest.yml" in said
    assert "copilot/hello/manifest.yml:10" in said


def test_settings_that_are_nested_without_end(run: Run, workspace: Path) -> None:
    (workspace / "copilot-local.toml").write_text("a = " + "[" * 5000)
    assert "copilot-local.toml is nested too deeply" in refused(run, "validate")


@pytest.mark.parametrize("file", [".env", "copilot-local.toml", ".copilot-local/copilot-local.toml"])
def test_a_file_of_settings_that_is_a_dangling_link_is_not_passed_over(run: Run, workspace: Path, file: str) -> None:
    link = workspace / file
    link.parent.mkdir(exist_ok=True)
    link.symlink_to("elsewhere/settings")
    ended = run("config", "hello")
    assert (ended.code, ended.out) == (1, "")
    assert f"{link} is a link to elsewhere/settings, which is not there" in ended.err


@pytest.mark.parametrize("read", [read_secrets, secret_names])
def test_secrets_behind_a_dangling_link_are_not_passed_over(workspace: Path, read: Callable[[Path], object]) -> None:
    link = workspace / ".copilot-local" / "secrets.env"
    link.parent.mkdir()
    link.symlink_to("/nowhere/secrets.env")
    with pytest.raises(InputError, match=r"secrets\.env is a link to /nowhere/secrets.env, which is not there"):
        read(workspace)


def test_variables_that_are_a_folder_are_refused_unless_it_is_pythons(run: Run, workspace: Path) -> None:
    folder = workspace / ".env"
    folder.mkdir()
    ended = run("config", "hello")
    assert ended.code == 1
    assert f"{folder} is a folder, not a file of variables" in ended.err
    (folder / "pyvenv.cfg").touch()
    assert run("config", "hello").code == 0
