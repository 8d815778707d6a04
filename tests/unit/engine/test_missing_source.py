"""What is said of a file that a Dockerfile copies and the build does not find."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.engine.docker.builds.missing_source import missing_source_hint
from emulator.engine.interface import BuildSpec

BUILDKIT = [
    "#6 [2/2] COPY vendor /vendor",
    '#6 ERROR: "/vendor" not found: not found',
    "------",
    'ERROR: failed to solve: failed to compute cache key: "/vendor" not found: not found',
]
NEWER_BUILDKIT = [
    "ERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref 1ab::2cd: "
    '"/vendor": not found'
]
CLASSIC = [
    "Step 2/2 : COPY vendor /vendor",
    "COPY failed: file not found in build context or excluded by .dockerignore: stat vendor: file does not exist",
]
OLDER_CLASSIC = ["COPY failed: stat /var/lib/docker/tmp/docker-builder123/vendor: no such file or directory"]


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuildSpec:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "thumbs").mkdir()
    return BuildSpec(context=tmp_path / "thumbs", dockerfile=tmp_path / "thumbs" / "Dockerfile", tag="x")


@pytest.mark.parametrize("lines", [BUILDKIT, NEWER_BUILDKIT, CLASSIC, OLDER_CLASSIC])
def test_a_file_beside_the_context_is_found(spec: BuildSpec, tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "vendor").mkdir()
    hint = missing_source_hint(lines, spec)
    assert hint.startswith("the build context is thumbs/, vendor is in .: give `build` that folder as its `context`")


def test_an_ignored_file_and_one_that_is_nowhere(spec: BuildSpec) -> None:
    assert missing_source_hint(CLASSIC, spec) == "the build context is thumbs/, which has no vendor"
    (spec.context / "vendor").touch()
    assert missing_source_hint(CLASSIC, spec) == "the build context is thumbs/, and its .dockerignore leaves out vendor"


def test_another_failure_has_no_such_hint(spec: BuildSpec) -> None:
    lines = ["#7 0.1 sh: npm: not found", 'ERROR: process "/bin/sh -c npm ci" did not complete: exit code: 127']
    assert missing_source_hint(lines, spec) == ""
