from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.cli.run import trust_workspace

Run = Callable[..., Any]

SETTINGS = '[credentials]\nsource = "profile"\nprofile = "prod"\n'


@pytest.fixture
def asking(workspace: Path, home: Path) -> Path:
    """A workspace that asks for the credentials of a profile, which the user has."""
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text("[prod]\naws_access_key_id = A\naws_secret_access_key = hush\n")
    (workspace / "copilot-local.toml").write_text(SETTINGS)
    return workspace


def test_up_says_what_is_asked_for_where_and_what_to_do(run: Run, asking: Path) -> None:
    ended = run("up", "-d")
    assert ended.code == 1
    assert f"error: {asking} asks for what only you can give it" in ended.err
    assert "copilot-local.toml:2: credentials of your AWS profile prod for its tasks" in ended.err
    assert "`copilot-local trust-workspace --yes`" in ended.err
    assert "--credentials profile=prod" in ended.err


def test_a_job_and_a_check_of_the_log_router_ask_as_up_does(run: Run, asking: Path, add_service: Any) -> None:
    add_service("job", "name: job\ntype: Scheduled Job\non:\n  schedule: '@daily'\nimage:\n  location: busybox:1.37\n")
    assert "credentials of your AWS profile prod" in run("run", "job").err
    add_service(
        "logs",
        "name: logs\ntype: Backend Service\nimage:\n  build: ../../Dockerfile\n"
        "logging:\n  destination:\n    Name: null\n",
    )
    assert "outside of" in run("firelens", "check", "logs").err


def test_it_is_shown_given_and_taken_back(run: Run, asking: Path) -> None:
    assert run("trust-workspace", "--show").out.startswith("not given  copilot-local.toml:2: credentials of your AWS")
    given = run("trust-workspace", "--yes")
    assert given.code == 0
    assert "credentials of your AWS profile prod" in given.err
    assert run("trust-workspace", "--show").out.startswith("given      copilot-local.toml:2: ")
    assert run("up", "-d").code == 125  # on to Docker, which is not there
    assert "given" in run("trust-workspace").err
    shown = json.loads(run("trust-workspace", "--show", "--format", "json").out)
    assert [(row["line"], row["given"]) for row in shown["asks"]] == [(2, True)]
    assert run("trust-workspace", "--revoke").code == 0
    assert run("up", "-d").code == 1


def test_what_it_was_given_before_is_shown(run: Run, asking: Path) -> None:
    run("trust-workspace", "--yes")
    (asking / "copilot-local.toml").write_text(SETTINGS.replace("prod", "dev"))
    shown = run("trust-workspace", "--show").out.splitlines()
    assert [line[:9] for line in shown] == ["not given", "given    "]
    assert "prod" in shown[1]


def test_without_a_terminal_it_gives_nothing_by_itself(run: Run, asking: Path) -> None:
    ended = run("trust-workspace")
    assert ended.code == 1
    assert "`copilot-local trust-workspace --yes`" in ended.err
    assert run("up", "-d").code == 1


@pytest.mark.parametrize(("answer", "code"), [("y\n", 125), ("n\n", 1), ("\n", 1)])
def test_up_asks_at_a_terminal(
    run: Run, asking: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str, code: int
) -> None:
    typed = tmp_path / "typed"
    typed.write_text(answer)
    monkeypatch.setattr(trust_workspace, "can_ask", lambda: True)
    with typed.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        ended = run("up", "-d")
    assert ended.code == code
    assert "credentials of your AWS profile prod" in ended.err


def test_a_workspace_that_asks_for_nothing(run: Run, workspace: Path) -> None:
    ended = run("trust-workspace")
    assert (ended.code, ended.out) == (0, "")
    assert "asks for nothing" in ended.err


@pytest.mark.parametrize("options", [("--show", "--yes"), ("--revoke", "--yes"), ("--format", "json")])
def test_options_that_contradict_each_other(run: Run, workspace: Path, options: tuple[str, ...]) -> None:
    assert run("trust-workspace", *options).code == 2
