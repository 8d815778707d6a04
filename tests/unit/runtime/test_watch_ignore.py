"""Which files a build does not see, after Docker's own rules."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from emulator.engine.docker_ignore import Ignore, ignore_file, read_ignore
from emulator.runtime.watch.temporary_files import is_temporary


@pytest.mark.parametrize(
    ("lines", "path", "ignored"),
    [
        (["node_modules"], "node_modules", True),
        (["node_modules"], "node_modules/a/b.js", True),
        (["node_modules"], "app/node_modules", False),
        (["**/node_modules"], "app/node_modules/x", True),
        (["**/node_modules"], "node_modules/x", True),
        (["*.md"], "README.md", True),
        (["*.md"], "docs/README.md", False),
        (["**/*.md"], "docs/README.md", True),
        (["docs/**"], "docs/a/b", True),
        (["*/temp*"], "one/temporary.txt", True),
        (["*/temp*"], "one/two/temporary.txt", False),
        (["temp?"], "tempa", True),
        (["temp?"], "temp", False),
        (["/build/"], "build/x", True),
        (["./build"], "build/x", True),
        (["*.md", "!README.md"], "README.md", False),
        (["!README.md", "*.md"], "README.md", True),
        (["docs", "!docs/keep.txt"], "docs/keep.txt", False),
        (["docs", "!docs/keep.txt"], "docs/other.txt", True),
        (["# comment", "", "  "], "comment", False),
        (["[ab].txt"], "a.txt", True),
        (["[^ab].txt"], "a.txt", False),
        (["a.b"], "aXb", False),
        (["**"], "anything/at/all", True),
        (["a/../b"], "b/x", True),
    ],
)
def test_patterns(lines: list[str], path: str, ignored: bool) -> None:
    assert (PurePosixPath(path) in Ignore(lines)) is ignored


def test_the_dockerfiles_own_file_wins_over_the_contexts(tmp_path: Path) -> None:
    dockerfile = tmp_path / "api.Dockerfile"
    (tmp_path / ".dockerignore").write_text("everything\n", encoding="utf-8")
    assert PurePosixPath("everything") in read_ignore(tmp_path, dockerfile)
    own = tmp_path / "api.Dockerfile.dockerignore"
    own.write_text("only-this\n", encoding="utf-8")
    assert ignore_file(tmp_path, dockerfile) == own
    assert PurePosixPath("everything") not in read_ignore(tmp_path, dockerfile)


def test_without_a_file_nothing_is_ignored(tmp_path: Path) -> None:
    assert PurePosixPath("x") not in read_ignore(tmp_path, tmp_path / "Dockerfile")


@pytest.mark.parametrize(
    "path",
    [
        ".app.py.swp",
        "app.py~",
        "4913",
        ".#app.py",
        "#app.py#",
        "app.py___jb_tmp___",
        ".git/index.lock",
        "src/__pycache__/app.cpython-311.pyc",
    ],
)
def test_files_that_editors_and_tools_make_for_themselves(path: str) -> None:
    assert is_temporary(PurePosixPath(path))


@pytest.mark.parametrize("path", ["app.py", ".env", ".dockerignore", "src/.hidden", "49130", "a.swift"])
def test_files_that_people_write(path: str) -> None:
    assert not is_temporary(PurePosixPath(path))
