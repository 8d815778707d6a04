"""`copilot-local aws`: what the AWS command line is run with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.cli.run.aws import variables_for
from tests.unit.cli.conftest import Run


def test_it_gets_the_endpoint_its_keys_and_nothing_that_leads_elsewhere() -> None:
    shell = {"PATH": "/bin", "AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "real", "AWS_ACCESS_KEY_ID": "AKIAREAL"}
    assert variables_for(shell, "4567", "eu-west-1") == {
        "PATH": "/bin",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_PAGER": "",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4567",
    }


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_region_of_the_shell_stays(name: str) -> None:
    found = variables_for({name: "ap-south-1"}, "4566", "eu-west-1")
    assert {key: value for key, value in found.items() if "REGION" in key} == {name: "ap-south-1"}


def test_without_the_program_it_says_so(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = run("aws", "sqs", "list-queues", "--max-results", "5")
    assert ended.code == 2
    assert "there is no `aws` on PATH" in ended.err
    assert os.environ["PATH"] == str(tmp_path)
