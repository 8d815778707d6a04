"""What a pipeline names and the workspace does not have: `validate` finds it, and not the render alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

PIPELINE = """name: main
version: 1
source: {provider: GitHub, properties: {branch: main, repository: https://github.com/me/repo}}
"""
FILES = {
    ".workspace": "application: shop\n",
    "environments/test/manifest.yml": "name: test\ntype: Environment\n",
    "api/manifest.yml": "name: api\ntype: Backend Service\nimage: {location: nginx}\n",
    "pipelines/main/there.yml": "version: 0.2\nphases: {build: {commands: [make]}}\n",
}
THERE = "copilot/pipelines/main/there.yml"


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The manifest of a pipeline, which is not written yet."""
    for path, text in FILES.items():
        file = tmp_path / "copilot" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "copilot" / "pipelines" / "main" / "manifest.yml"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("build: {buildspec: nope.yml}\n", "CL162]: {file}:4:20: build.buildspec: there is no buildspec nope.yml"),
        (
            "stages: [{name: test, pre_deployments: {a: {buildspec: no/such.yml}}}]\n",
            "CL162]: {file}:4:56: stages[0].pre_deployments.a.buildspec: there is no buildspec no/such.yml",
        ),
        (
            "stages: [{name: test, post_deployments: {a: {buildspec: copilot}}}]\n",
            "CL162]: {file}:4:57: stages[0].post_deployments.a.buildspec: there is no buildspec copilot",
        ),
        (
            "stages: [{name: test, deployments: {ap: {}}}]\n",
            "CL161]: {file}:4:37: stages[0].deployments.ap: there is no workload ap, and no template of it is named",
        ),
    ],
)
def test_what_is_not_there_is_an_error(pipeline: Path, run: Run, more: str, message: str) -> None:
    pipeline.write_text(PIPELINE + more)
    ended = run("validate")
    assert ended.code == 1
    assert f"error[{message.format(file='copilot/pipelines/main/manifest.yml')}" in ended.out
    assert "1 error" in ended.out


def test_a_pipeline_without_a_folder_of_its_own_is_looked_at_too(pipeline: Path, run: Run) -> None:
    (pipeline.parents[2] / "pipeline.yml").write_text(PIPELINE + "build: {buildspec: nope.yml}\n")
    assert "error[CL162]: copilot/pipeline.yml:4:20" in run("validate").out


def test_an_environment_that_nothing_declares_is_a_warning(pipeline: Path, run: Run) -> None:
    pipeline.write_text(PIPELINE + "stages: [{name: tset}, {name: old}]\n")
    ended = run("validate")
    assert ended.code == 0
    assert "warning[CL161]: copilot/pipelines/main/manifest.yml:4:11: stages[0].name: there is no environment tset" in (
        ended.out
    )
    assert "did you mean test?" in ended.out
    pipeline.write_text(PIPELINE + "stages: [{name: tset}, {name: old}] # copilot-local: ignore CL161\n")
    assert "CL161" not in run("validate").out


def test_what_is_there_is_no_finding(pipeline: Path, run: Run) -> None:
    actions = f"{{a: {{buildspec: {THERE}}}}}"
    deployments = "{api: {}, other: {template_path: infrastructure/other.yml}}"
    pipeline.write_text(
        PIPELINE
        + f"build: {{buildspec: {THERE}}}\nstages:\n  - name: test\n    deployments: {deployments}\n"
        + f"    pre_deployments: {actions}\n    post_deployments: {actions}\n"
    )
    ended = run("validate")
    assert (ended.code, "CL16" in ended.out) == (0, False), ended.out
