"""Files that a workspace names are read within bounds, whatever they are."""

from __future__ import annotations

import ast
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.app.selection import Selection
from emulator.app.up_request import up_request
from emulator.engine.docker_ignore import read_ignore
from emulator.engine.fake import FakeEngine
from emulator.engine.interface import BuildSpec
from emulator.errors import CopilotLocalError, InputError
from emulator.events import discard
from emulator.files import UnusableFile, read_bytes, read_text
from emulator.settings import load_settings

Make = Callable[[Path], object]


def zeros(file: Path) -> None:
    file.symlink_to("/dev/zero")


def listening(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(file.parent)  # a socket's path is at most 107 bytes long
        try:
            made.bind(file.name)
        finally:
            os.chdir(here)


def large(file: Path) -> None:
    with file.open("wb") as out:
        out.truncate(50_000_000_000)


HOSTILE = [
    pytest.param(os.mkfifo, "named pipe", id="pipe"),
    pytest.param(zeros, "device", id="zero"),
    pytest.param(large, "larger than", id="large"),
]


@pytest.mark.parametrize(("make", "why"), [*HOSTILE, pytest.param(Path.mkdir, "folder", id="folder")])
def test_what_is_no_regular_file_is_not_read(tmp_path: Path, make: Make, why: str) -> None:
    make(tmp_path / "x")
    with pytest.raises(UnusableFile, match=why) as caught:
        read_bytes(tmp_path / "x")
    assert str(tmp_path / "x") in str(caught.value)


def test_a_socket_is_not_read(tmp_path: Path) -> None:
    listening(tmp_path / "x")
    with pytest.raises(OSError, match=r"socket|No such device"):
        read_bytes(tmp_path / "x")


def test_the_bound_itself_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert read_bytes(tmp_path / "x", most=5) == b"12345"
    with pytest.raises(UnusableFile):
        read_bytes(tmp_path / "x", most=4)


def test_a_mark_before_utf_8_is_no_part_of_the_text(tmp_path: Path) -> None:
    """Editors of Windows write it, and PowerShell's `>`."""
    workspace = tmp_path / "copilot-local.toml"
    workspace.write_bytes(b"\xef\xbb\xbf[time]\r\nstop_timeout = 7\r\n")
    assert read_text(workspace) == "[time]\nstop_timeout = 7\n"
    assert load_settings(tmp_path).time.stop_timeout == 7


def test_line_ends_are_those_of_text(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"a\r\nb\rc\n")
    assert read_text(tmp_path / "x") == "a\nb\nc\n"


MANIFEST = "name: api\ntype: Backend Service\nimage:\n  location: busybox:1.37\n  port: 80\nenv_file: own.env\n"


@pytest.mark.parametrize(("make", "why"), HOSTILE)
@pytest.mark.parametrize(
    "name",
    [
        ".env",
        "own.env",
        "given.env",
        ".copilot-local/secrets.env",
        "copilot-local.toml",
        "copilot/api/manifest.yml",
        "copilot/api/addons/x.yml",
        "copilot/api/overrides/cfn.patches.yml",
    ],
)
def test_up_neither_waits_for_a_file_of_the_workspace_nor_swallows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Make, why: str, name: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    root = tmp_path / "clone"
    for path, text in {"copilot/api/manifest.yml": MANIFEST, "own.env": "A=1\n", "given.env": "B=1\n"}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    make(file)
    given = root / "given.env" if name == "given.env" else None
    with pytest.raises(CopilotLocalError) as caught:
        up_request(Selection(start=root, env_file=given), discard)
    said = "\n".join(
        [str(caught.value), *getattr(caught.value, "output", ()), *map(str, getattr(caught.value, "findings", ()))]
    )
    assert file.name in said


def test_settings_of_the_user_are_read_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "copilot-local").mkdir()
    os.mkfifo(tmp_path / "copilot-local" / "copilot-local.toml")
    with pytest.raises(InputError, match="named pipe"):
        load_settings(environment={"XDG_CONFIG_HOME": str(tmp_path)})


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore", "Dockerfile.dockerignore"])
@pytest.mark.parametrize(("make", "why"), HOSTILE[:2])
def test_a_build_does_not_wait_for_its_files(tmp_path: Path, make: Make, why: str, name: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\n")
    (tmp_path / name).unlink(missing_ok=True)
    make(tmp_path / name)
    with pytest.raises(CopilotLocalError, match=f"{name} is a {why}"):
        FakeEngine().build(BuildSpec(context=tmp_path, dockerfile=tmp_path / "Dockerfile", tag="x"))
    read_ignore(tmp_path, tmp_path / "Dockerfile")


OTHERS = {
    "api/shapes.py": "a file of this package",
    "display/failure.py": "checks the kind first, and reads a bounded part",
    "manifest/yaml/reader.py": "checks the kind first, and tells more of what is wrong",
    "runtime/control/direct.py": "a folder of this user's alone, that the command made for the agent",
    "runtime/listeners/port_owner.py": "/proc",
    "runtime/state/process_identity.py": "/proc",
    "trace/packets/listening.py": "/proc",
    "agent/": "runs in a container, whose files are ours; opens those of a task beneath a folder",
    "aws/": "runs in a container, whose files are ours",
    "engine/docker/endpoint.py": "Docker's own settings",
    "logstore/": "opens beneath a folder, or what the log store wrote",
    "setup/": "the machine's files and our own, never a workspace's",
    "cli/observe/trace.py": "`-d @FILE` may be a pipe, as for curl",
}
"""Who opens files without `emulator.files`, and why that may be."""


CALLED = re.compile("read_text|read_bytes|open")
"""A file without these words makes no such call, and need not be parsed."""


def reads(call: ast.Call) -> bool:
    """Whether a call is `path.read_text()`, `path.read_bytes()` or the built-in `open`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in ("read_text", "read_bytes")
    return isinstance(call.func, ast.Name) and call.func.id == "open"


def test_nothing_opens_files_of_a_workspace_by_itself() -> None:
    """`Path.read_text` waits for ever at a named pipe."""
    package = Path(__file__).parents[2] / "emulator"
    found = [
        f"{name}:{call.lineno}"
        for file in package.rglob("*.py")
        if not (name := file.relative_to(package).as_posix()).startswith(tuple(OTHERS))
        if CALLED.search(text := file.read_text(encoding="utf-8"))
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and reads(call)
    ]
    assert found == []
