"""`compose`: the protocol of Docker Compose's provider services, as docs/extension.md of docker/compose has it."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from emulator.app import selection
from emulator.cli.run import compose
from emulator.events import Event, EventKind
from tests.unit.cli.conftest import Run


def messages(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_its_options_are_told_for_each_verb(run: Run) -> None:
    told = json.loads(run("compose", "metadata").out)
    assert told["description"]
    for verb in ("up", "down", "stop"):
        names = {one["name"] for one in told[verb]["parameters"]}
        assert {"workspace", "environment"} <= names
        assert all(not one["required"] and one["description"] for one in told[verb]["parameters"])
    assert "variable" in {one["name"] for one in told["up"]["parameters"]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["up", "--engine=mysql", "shop"], "engine is no option of a provider of the type copilot-local"),
        (["up", "--port=http", "shop"], "port: http is no port"),
        (["up", "--workspace=/nowhere/at/all", "shop"], "workspace: there is no folder /nowhere/at/all"),
        (["up"], "Docker Compose names one service"),
        (["start", "shop"], "up, down, stop or metadata, and not for start"),
    ],
)
def test_what_is_wrong_is_a_message_since_nothing_else_is_shown(run: Run, words: list[str], said: str) -> None:
    ended = run("compose", "--project-name=mine", *words)
    assert ended.code != 0
    [message] = messages(ended.out)
    assert message["type"] == "error"
    assert said in message["message"]


def test_a_workspace_that_is_wrong_is_told_with_its_line(run: Run, tmp_path: Path) -> None:
    manifest = tmp_path / "shop" / "copilot" / "api" / "manifest.yml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("name: api\ntype: Backend Service\ncpu: [1\n", encoding="utf-8")
    (tmp_path / "shop" / "copilot" / ".workspace").write_text("application: shop\n", encoding="utf-8")
    ended = run("compose", "--project-name=mine", "up", f"--workspace={tmp_path / 'shop'}", "shop")
    last = messages(ended.out)[-1]
    assert last["type"] == "error"
    assert "manifest.yml:" in last["message"]


def test_what_the_machine_refuses_is_no_bug(run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/d/x")

    monkeypatch.setattr(selection, "find_workspace", refused)
    ended = run("compose", "--project-name=mine", "up", "shop")
    assert ended.code == 1
    [message] = messages(ended.out)
    assert message["message"].startswith("/d/x cannot be used: No space left on device")


def test_what_happens_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    compose._tell(Event(EventKind.STEP_STARTED, "start api/api"))
    compose._tell(Event(EventKind.WARNING, "api", "it is odd"))
    compose._tell(Event(EventKind.LOG, "api", "a line"))
    assert messages(capsys.readouterr().out) == [
        {"type": "info", "message": "start api/api"},
        {"type": "info", "message": "warning: api: it is odd"},
        {"type": "debug", "message": "log: api a line"},
    ]
