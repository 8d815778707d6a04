"""`trust`: words for people, a path for scripts, and nothing changed."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest

from emulator.cli.shell.app import run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folders in this test."""
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    return tmp_path


def test_the_path_is_a_certificate_that_clients_can_load(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trust", "--path"]) == 0
    path = capsys.readouterr().out.strip()
    context = ssl.create_default_context(cafile=path)
    assert [found["subject"] for found in context.get_ca_certs()]


def test_it_says_how_for_every_system_and_client(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trust"]) == 0
    said = capsys.readouterr().out
    assert str(home / "xdg_data_home" / "copilot-local" / "authority" / "ca.pem") in said
    for word in ("curl", "Python", "Node.js", "Debian", "Fedora", "macOS", "Windows", "Firefox", "Chrome"):
        assert word in said
    assert "Nothing here changes what your system trusts" in said


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trust", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert Path(found["path"]).is_file()
    assert len(found["sha256"].split(":")) == 32
    assert run(["trust", "--format", "json", "--path"]) == 2
