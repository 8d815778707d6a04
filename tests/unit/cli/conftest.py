from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.cli.shell import app

MANIFEST = """\
name: hello
type: Load Balanced Web Service

image:
  build: hello/Dockerfile
  port: 3000

http:
  path: 'api'
  targetContainer: 'nginx'

cpu: 256
memory: 512
count: 1

sidecars:
  nginx:
    port: 80
    image: example.com/nginx:1
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line as `copilot-local` does."""

    def invoke(*arguments: str) -> Ended:
        capsys.readouterr()
        code = app.run(arguments)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return invoke


@pytest.fixture(autouse=True)
def no_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket of an agent that runs on this machine is found."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without settings, a shell without our variables, no Docker, and no terminal."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-docker.sock")
    for name in (
        "XDG_CONFIG_HOME",
        "COPILOT_LOCAL_APP",
        "COPILOT_LOCAL_ENV",
        "COPILOT_LOCAL_DEBUG",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "DOCKER_CONTEXT",
        "NO_COLOR",
        "FORCE_COLOR",
    ):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with one service, `hello`; the working directory."""
    root = tmp_path / "shop"
    (root / "copilot" / "hello").mkdir(parents=True)
    (root / "copilot" / "hello" / "manifest.yml").write_text(MANIFEST)
    (root / "hello").mkdir()
    (root / "hello" / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def add_service(workspace: Path) -> Callable[[str, str], Path]:
    """Adds a service to the workspace with a manifest of its own."""

    def add(name: str, manifest: str) -> Path:
        file = workspace / "copilot" / name / "manifest.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(manifest)
        return file

    return add
