"""What the console shows, in a file that another console opens."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator.app.selection import Selection
from emulator.cli.observe import snapshot as module
from emulator.cli.shell.app import run
from emulator.console import recording
from emulator.console.recording import read, write
from emulator.console.serve import showing
from emulator.errors import InputError
from emulator.runtime.reports.redact import Redactor
from emulator.runtime.reports.support_bundle import secrets_of_environment
from emulator.runtime.state.desired import Private
from emulator.runtime.state.observed import observe
from tests.unit.agent.rig import Rig
from tests.unit.console.conftest import Page, begin
from tests.unit.runtime.world import DEMO, make_service

CANARY = "c4n4ry-value-of-a-secret"
LINE = f"connecting with {CANARY} as usual"
SECRET: dict[str, Any] = {
    "environment": [
        {"name": "LEVEL", "value": "debug"},
        {"name": "API_TOKEN", "value": f"{CANARY}-too"},
        {"name": "AWS_ACCESS_KEY_ID", "value": "local"},
    ],
    "secrets": [{"name": "DB_PASSWORD", "valueFrom": "/db/password"}],
}


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "LISTENED", 2.5)


@pytest.fixture
def running(rig: Rig) -> Rig:
    """One task of `hello` with a secret, which it prints."""
    private = Private(services={"hello": {"hello": {"DB_PASSWORD": CANARY}}})
    begin(rig, make_service({"hello": SECRET}, target=("hello", 3000)), private=private)
    rig.run()
    rig.engine.print_line(rig.container("hello"), LINE)
    rig.engine.print_line(rig.container("hello"), "asking localhost")
    rig.engine.print_line(rig.container("hello"), json.dumps({"password": CANARY, "text": 'a "quoted" word'}))
    return rig


def written(rig: Rig, target: Path) -> Path:
    write(rig.engine, DEMO, Selection("demo", "test"), Redactor(secrets_of_environment(rig.engine, DEMO)), target)
    return target


def test_a_snapshot_holds_no_secret_and_is_for_its_owner(running: Rig, tmp_path: Path) -> None:
    target = written(running, tmp_path / "it.ndjson")
    text = target.read_text(encoding="utf-8")
    assert CANARY not in text
    assert "connecting with <DB_PASSWORD> as usual" in text
    assert "asking localhost" in text
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert all(json.loads(line)["k"] for line in text.splitlines())


def test_another_console_shows_what_was(running: Rig, tmp_path: Path) -> None:
    target = written(running, tmp_path / "it.ndjson")
    [task] = observe(running.engine, DEMO).tasks
    with showing(read(target)) as address:
        page = Page(address)
        hello = next(page.stream("kinds=overview"))["v"]
        assert (hello["app"], bool(hello["snapshot"])) == ("demo", True)
        assert [row["name"] for row in page.first("overview")["services"]] == ["hello"]
        assert [line["container"] for line in page.first("lines")] == ["hello", "hello", "hello"]
        assert [rule["service"] for rule in page.first("rules")] == ["hello"]
        assert page.get(f"/api/tasks/{task}").json()["service"] == "hello"
        variables = page.get(f"/api/tasks/{task}/hello/variables").json()
        assert (variables["LEVEL"], variables["DB_PASSWORD"], variables["API_TOKEN"]) == ("debug", None, None)
        assert page.post("/api/compared", {}).json() == {"rows": [], "totals": {}}
        assert page.get("/api/aws").json()["error"]["message"].startswith("no local AWS endpoint")


def test_a_snapshot_does_nothing(running: Rig, tmp_path: Path) -> None:
    target = written(running, tmp_path / "it.ndjson")
    with showing(read(target)) as address:
        page = Page(address)
        for path in ("restart", "kill", "send", "explain", "capture", "aws/send"):
            answer = page.post(f"/api/{path}", {"services": ["hello"]})
            assert answer.status == 400
            assert "this is a snapshot" in answer.json()["error"]["message"]
        assert page.raw("GET", "/api/connect", {}).status == 401


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is no snapshot: it is empty"),
        ("hello\n", "is no snapshot"),
        ("[]\n", "is no snapshot"),
        ('{"k": "overview", "v": {}}\n', "is no snapshot: it does not say what it is"),
        ('{"k": "snapshot", "v": {"format": 99, "version": "9.9"}}\n', "was written by a later copilot-local"),
        ('{"k": "snapshot", "v": {"format": 1}}\n', "is no snapshot"),
    ],
)
def test_a_file_that_is_no_snapshot(tmp_path: Path, content: str, why: str) -> None:
    file = tmp_path / "it.ndjson"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(why)):
        read(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "none")
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path)


def test_a_kind_of_a_later_version_is_passed_over(running: Rig, tmp_path: Path) -> None:
    target = written(running, tmp_path / "it.ndjson")
    with target.open("a", encoding="utf-8") as file:
        file.write('{"k": "weather", "v": "fine"}\n')
    assert read(target).app == "demo"


@pytest.fixture
def command(running: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rig:
    @contextmanager
    def chosen(app: str | None, env: str | None) -> Iterator[Any]:
        del app, env
        yield running.engine, DEMO

    monkeypatch.setattr(module, "chosen_environment", chosen)
    monkeypatch.chdir(tmp_path)
    return running


def test_the_command_writes_a_file_and_says_which(
    command: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["snapshot", "-o", "it.ndjson"]) == 0
    assert capsys.readouterr().out == "it.ndjson\n"
    assert CANARY not in (tmp_path / "it.ndjson").read_text(encoding="utf-8")


def test_the_command_refuses_a_folder_that_is_not_there(command: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["snapshot", "-o", "none/it.ndjson"]) == 1
    assert "there is no folder none" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["-a", "-e"])
def test_a_snapshot_says_itself_of_which_environment_it_is(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["console", "--snapshot", "it.ndjson", option, "x"]) == 2
    assert "without --app and --env" in capsys.readouterr().err
