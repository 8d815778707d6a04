"""The examples are what they say: the published manifests, unchanged, and without a finding."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import botocore.session
import pytest
from botocore.validate import ParamValidator

from emulator.cli.shell.app import run

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT.parent / "shared" / "published"
EXAMPLES = {
    "nginx-sidecar": "nginx-sidecar.manifest.yml",
    "firelens-cloudwatch": "firelens-cloudwatch.manifest.yml",
}
BROKEN = [f"broken-proxy/{fault}" for fault in ("wrong-port", "trailing-slash", "wrong-server-block")]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_manifest_is_the_published_one(name: str) -> None:
    published = PUBLISHED / EXAMPLES[name]
    if not published.is_file():
        pytest.skip("the published manifests are not beside the project")
    example = ROOT / "examples" / name / "copilot" / "hello" / "manifest.yml"
    assert example.read_bytes() == published.read_bytes()


@pytest.mark.parametrize("name", [*EXAMPLES, "shop", *BROKEN])
def test_it_validates(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(ROOT / "examples" / name)
    assert run(["validate"]) == 0
    assert "error" not in capsys.readouterr().out


@pytest.mark.parametrize("name", BROKEN[1:])
def test_broken_proxies_differ_in_nginx_alone(name: str) -> None:
    """The tests of what `trace` finds start the first of them and give it the configuration of the others."""
    first, other = ROOT / "examples" / BROKEN[0], ROOT / "examples" / name
    files = {path.relative_to(first) for path in first.rglob("*") if path.is_file()}
    assert files == {path.relative_to(other) for path in other.rglob("*") if path.is_file()}
    different = {str(file) for file in files if (first / file).read_bytes() != (other / file).read_bytes()}
    assert different == {"README.md", "copilot/.workspace", "nginx/default.conf"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_its_names_need_no_option(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for variable in ("COPILOT_LOCAL_APP", "COPILOT_LOCAL_ENV"):
        monkeypatch.delenv(variable, raising=False)
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "examples" / name, copy)
    monkeypatch.chdir(copy)
    assert run(["render", "taskdef", "--placeholders"]) == 0
    family = {"nginx-sidecar": "nginx-sidecar-test-hello", "firelens-cloudwatch": "sidecar-test-hello"}[name]
    assert f'"family": "{family}"' in capsys.readouterr().out


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_it_renders_is_what_the_api_takes(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT / "examples" / name)
    assert run(["render", "taskdef", "--placeholders"]) == 0
    rendered = json.loads(capsys.readouterr().out)
    operation = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition")
    report = ParamValidator().validate(rendered, operation.input_shape)
    assert not report.has_errors(), report.generate_report()
