"""A workspace that has no service yet: verbs that need one say so, the others work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emulator.app.selection import Selection
from emulator.cli.observe.export import known_secrets

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Run

ENVIRONMENT = "environments/test/manifest.yml"
NEED_A_SERVICE = (
    ("graph",),
    ("route", "/"),
    ("config",),
    ("config", "--all-envs"),
    ("firelens", "check"),
    ("traces", "config"),
    ("up", "--dry-run"),
    ("render", "taskdef"),
    ("render", "taskdef", "--output-dir", "rendered"),
    ("render", "taskdef", "--all-envs", "--output-dir", "rendered"),
    ("render", "cloudformation"),
    ("render", "compose"),
    ("render", "express"),
    ("render", "app"),
)


@pytest.fixture
def copilot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `copilot` folder of a workspace that `copilot app init` has just made; the working directory is above it."""
    folder = tmp_path / "shop" / "copilot"
    folder.mkdir(parents=True)
    (folder / ".workspace").write_text("application: shop\n")
    monkeypatch.chdir(folder.parent)
    return folder


def with_environment(copilot: Path) -> None:
    file = copilot / ENVIRONMENT
    file.parent.mkdir(parents=True)
    file.write_text("name: test\ntype: Environment\n")


@pytest.mark.parametrize("environment", [False, True], ids=["nothing", "an environment"])
@pytest.mark.parametrize("words", NEED_A_SERVICE, ids=" ".join)
def test_what_needs_a_service_says_that_there_is_none(
    run: Run, copilot: Path, words: tuple[str, ...], environment: bool
) -> None:
    if environment:
        with_environment(copilot)
    ended = run(*words)
    assert (ended.code, ended.out) == (1, "")
    assert f"error: {copilot} holds no manifest of a service" in ended.err
    assert "hint: a service's manifest is copilot/<service>/manifest.yml" in ended.err


def test_validate_says_that_there_is_nothing_to_check(run: Run, copilot: Path) -> None:
    for words in (("validate",), ("validate", "."), ("validate", "--format", "json")):
        ended = run(*words)
        assert (ended.code, ended.out) == (1, "")
        assert f"error: {copilot} holds no manifest" in ended.err


def test_the_manifest_of_an_environment_is_checked_and_rendered(run: Run, copilot: Path) -> None:
    with_environment(copilot)
    assert run("validate").out == f"✓ copilot/{ENVIRONMENT} (Environment)\n"
    assert run("render", "environment").code == 0


def test_secrets_of_such_a_workspace_are_known_to_a_bundle(run: Run, copilot: Path) -> None:
    (copilot.parent / ".env").write_text("DB_PASSWORD=hunter2\n")
    assert ("DB_PASSWORD", "hunter2") in known_secrets(Selection())
