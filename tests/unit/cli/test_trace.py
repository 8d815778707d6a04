"""`trace` refuses what it cannot do before it looks for Docker."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from emulator.cli.observe.trace import _save
from emulator.cli.shell.app import run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["GET"], "a request has a method and a URL"),
        (["GET", "api/x"], "neither a path such as /api/x nor a URL"),
        (["GET", "ftp://x/api"], "neither a path such as /api/x nor a URL"),
        (["G T", "/"], "'G T' is no HTTP method"),
        (["GET", "/", "-H", "nothing"], "-H takes NAME: VALUE"),
        (["GET", "/", "-H", "X: a\r\nb: c"], "no header that HTTP can send"),
        (["GET", "/", "-d", "@/no/such/file"], "No such file"),
        (["GET", "/", "--har", "/no/such/folder/x.har"], "there is no folder /no/such/folder"),
        (["GET", "/", "--health-checks"], "without a method and a URL"),
        (["-H", "X: y"], "belong to a request"),
    ],
)
def test_what_cannot_be_traced_is_said_before_anything_starts(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    assert run(["trace", "-a", "x", "-e", "test", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err


def test_a_url_alone_is_a_request(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    for url in ("/api/x", "http://localhost/api/x", "https://localhost/"):
        assert run(["trace", "-a", "x", "-e", "test", url, "--format", "json"]) == 125  # it gets as far as Docker
        assert "nowhere.sock" in capsys.readouterr().err


@pytest.mark.parametrize("there", [True, False])
def test_hops_are_never_anyone_elses_to_read(there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, modes = tmp_path / "hops.har", []
    if there:
        file.touch(0o644)

    def look(path: Path, mode: int) -> None:
        modes.append((stat.S_IMODE(path.stat().st_mode), path.stat().st_size))
        os.chmod(path, mode)

    monkeypatch.setattr(Path, "chmod", look)
    umask = os.umask(0)
    try:
        _save(file, [])
    finally:
        os.umask(umask)
    assert modes == [(0o644 if there else 0o600, 0)]  # before anything is written
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert '"entries": []' in file.read_text(encoding="utf-8")
