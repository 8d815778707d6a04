"""What the lines that take a stack over give to the AWS command line, and what they render."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from awscli.shorthand import ShorthandParser  # type: ignore[import-untyped]

from tests.unit.cli.conftest import Run
from tests.unit.render.pipelines import FILES, write_workspace


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(write_workspace(tmp_path / "shop"))
    return tmp_path / "shop"


def parameters(lines: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, str]:
    """The values of parameters that the change set is made with, when the lines run in bash."""
    words = folder / "words"
    for name in ("aws", "copilot-local"):
        (folder / name).write_text(
            f'#!/bin/sh\ncase "$*" in *create-change-set*) printf "%s\\n" "$@" > {words}; esac\necho 7\n'
        )
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ended = subprocess.run(["bash", "-c", lines], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    found = [ShorthandParser().parse(it) for it in words.read_text().splitlines() if it.startswith("ParameterKey=")]
    return {it["ParameterKey"]: it["ParameterValue"] for it in found if "ParameterValue" in it}


def test_a_value_with_commas_reaches_the_stack_as_one(
    run: Run, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The subnets that tags stand for are a list, which CloudFormation takes as a text."""
    subnets = "network: {vpc: {placement: {subnets: {from_tags: {tier: app}}}}}\n"
    write_workspace(here, {"copilot/web/manifest.yml": FILES["copilot/web/manifest.yml"] + subnets})
    lines = run("aws", "svc", "deploy", "-n", "web", "-e", "prod", "--take-over").out
    given = parameters(lines, tmp_path, monkeypatch, TaskSubnets="subnet-1,subnet-2")
    assert given["TaskSubnets"] == "subnet-1,subnet-2"
    assert given["RulePriority"] == "7"
