"""`validate --format sarif`: where a finding is, for code scanning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Run


@pytest.mark.parametrize("repository", ["", ".git"])
@pytest.mark.parametrize("folder", ["my s\u00e9rvice", "a#b%20c", "a:b?c"])
def test_sarif_names_files_by_uris_of_the_repository_wherever_it_runs(
    run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch, folder: str, repository: str
) -> None:
    within = workspace / "copilot" / folder
    within.mkdir()
    (within / "manifest.yml").write_text("name: web\ntype: Backend Servise\n", encoding="utf-8")
    if repository:
        (workspace.parent / repository).mkdir()
    uris = []
    for place in (workspace, within):
        monkeypatch.chdir(place)
        log = json.loads(run("validate", str(within / "manifest.yml"), "--format", "sarif").out)
        [uri] = {
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            for result in log["runs"][0]["results"]
        }
        uris.append(uri)
    parts = urlsplit(uris[0])
    assert uris[0] == uris[1]
    assert (parts.scheme, parts.query, parts.fragment) == ("", "", "")
    assert uris[0].isascii()
    assert " " not in uris[0]
    base = workspace.parent if repository else workspace
    assert base / unquote(parts.path) == within / "manifest.yml"
