"""Rules of two services that meet on one load balancer: `validate` and `up` say so, with both lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.cli.shell.app import run

MANIFEST = """name: {name}
type: {type}
image: {{location: nginx, port: 80}}
http:
  path: '{path}'{more}
cpu: 256
memory: 512
"""
PUBLIC, INTERNAL = "Load Balanced Web Service", "Backend Service"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "copilot").mkdir()
    (tmp_path / "copilot" / ".workspace").write_text("application: shop\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")  # `up` gets as far as Docker
    return tmp_path


def service(workspace: Path, name: str, path: str = "/", type: str = PUBLIC, more: str = "") -> None:
    folder = workspace / "copilot" / name
    folder.mkdir(exist_ok=True)
    (folder / "manifest.yml").write_text(MANIFEST.format(name=name, path=path, type=type, more=more))


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    run(arguments)
    both = capsys.readouterr()
    return " ".join((both.out + both.err).split())


@pytest.mark.parametrize("arguments", [["validate"], ["up", "-d"], ["up", "-d", "web"], ["up", "-d", "api"]])
def test_one_path_for_two(workspace: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    service(workspace, "api")
    service(workspace, "web")
    text = said(arguments, capsys)
    assert text.count("[CL701]") == 1
    assert "copilot/api/manifest.yml:5:" in text
    assert "copilot/web/manifest.yml:5:" in text


def test_a_warning_alone_is_no_failure(workspace: Path) -> None:
    service(workspace, "api")
    service(workspace, "web")
    assert run(["validate"]) == 0


@pytest.mark.parametrize(
    ("path", "type", "more"),
    [
        ("/", INTERNAL, ""),
        ("api", PUBLIC, ""),
        ("/", PUBLIC, "\n  alias: shop.example.com"),
        ("/", PUBLIC, "\n  alb: another-load-balancer"),
    ],
    ids=["on the internal load balancer", "another path", "another host", "another load balancer"],
)
def test_what_does_not_meet(
    workspace: Path, capsys: pytest.CaptureFixture[str], path: str, type: str, more: str
) -> None:
    service(workspace, "api", path, type, more)
    service(workspace, "web", more="\n  alias: www.example.com" if "alias" in more else "")
    assert "CL701" not in said(["validate"], capsys)


def test_a_narrow_rule_behind_a_wide_one(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service(workspace, "api", "v1")
    service(workspace, "web", "v1/users")
    assert "warning[CL701]: copilot/web/manifest.yml:5:" in said(["validate"], capsys)
    service(workspace, "api", "v1/users")
    service(workspace, "web", "v1")
    assert "CL701" not in said(["validate"], capsys)


def test_it_is_silenced_like_a_finding_of_the_manifest(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service(workspace, "web")
    service(workspace, "api", more="  # copilot-local: ignore CL701")
    assert "CL701" not in said(["validate"], capsys)
