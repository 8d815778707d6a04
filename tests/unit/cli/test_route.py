"""`route`: the question "why does this request not reach my container?", asked on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from emulator.cli.app import run

EXAMPLE = Path(__file__).parents[3] / "examples" / "nginx-sidecar"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(EXAMPLE, tmp_path / "w")
    monkeypatch.chdir(tmp_path / "w")
    return tmp_path / "w"


@pytest.mark.usefixtures("workspace")
class TestRoute:
    def test_a_request_that_reaches_the_sidecar(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "GET", "/api/orders?x=1"]) == 0
        out = capsys.readouterr().out
        assert "✓ path-pattern /api or /api/* against /api/orders" in out
        assert "→ hello: container nginx, port 80" in out
        assert "it sees GET /api/orders?x=1" in out

    def test_a_request_that_no_rule_takes(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "GET", "/other"]) == 0
        out = capsys.readouterr().out
        assert "✗ path-pattern /api or /api/* against /other" in out
        assert "503" in out

    def test_as_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "get", "/api/x", "--format", "json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["destinations"][0]["container"] == "nginx"
        assert found["method"] == "GET"
        assert found["rules"][0]["verdict"] == "wins"

    def test_a_header_without_a_colon(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "GET", "/", "-H", "nonsense"]) == 2
        assert "-H takes NAME: VALUE, not 'nonsense'" in capsys.readouterr().err
