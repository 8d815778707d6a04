from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.display.failure import render_error, render_findings
from emulator.errors import (
    ContainerFailed,
    Finding,
    FindingsError,
    ImageError,
    InputError,
    Position,
    Severity,
    UsageError,
)


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "manifest.yml"
    file.write_text("name: hello\nhttp:\n  targetContainr: nginx\n\tx: 1\n")
    return file


def test_what_an_empty_line_and_the_hint() -> None:
    assert render_error(UsageError("no such service", hint="services here: a\nor b")) == (
        "error: no such service\n\nhint: services here: a\n      or b"
    )
    assert render_error(UsageError("no such service")) == "error: no such service"


def test_the_line_and_a_caret_below_the_word(manifest: Path) -> None:
    error = InputError("unknown key", position=Position(str(manifest), 3, 3), hint="did you mean target_container?")
    assert render_error(error).splitlines() == [
        "error: manifest.yml:3:3: unknown key",
        "    3 |   targetContainr: nginx",
        "      |   ^^^^^^^^^^^^^^",
        "",
        "hint: did you mean target_container?",
    ]


def test_a_mark_before_utf_8_takes_no_place(manifest: Path) -> None:
    manifest.write_bytes(b"\xef\xbb\xbfname: hello\n")
    error = InputError("x", position=Position(str(manifest), 1, 7))
    assert render_error(error).splitlines()[1:3] == ["    1 | name: hello", "      |       ^^^^^"]


def test_a_whole_line_has_no_caret_and_a_tab_moves_it_as_on_the_line_above(manifest: Path) -> None:
    assert render_error(InputError("x", position=Position(str(manifest), 1))).splitlines() == [
        "error: manifest.yml:1: x",
        "    1 | name: hello",
    ]
    assert render_error(InputError("x", position=Position(str(manifest), 4, 2))).splitlines()[-1] == "      | \t^"


@pytest.mark.parametrize("line", [99, 0])
def test_a_line_that_is_not_there_is_left_out(manifest: Path, line: int) -> None:
    assert len(render_error(InputError("x", position=Position(str(manifest), line, 1))).splitlines()) == 1
    assert len(render_error(InputError("x", position=Position("gone.yml", 1, 1))).splitlines()) == 1


def test_of_a_long_line_the_part_around_the_column_is_shown(manifest: Path) -> None:
    manifest.write_text("a" * 5000 + " bad " + "z" * 5000)
    _, line, caret = render_error(InputError("x", position=Position(str(manifest), 1, 5002))).splitlines()
    assert len(line) < 200
    assert "a bad z" in line
    assert line[caret.index("^") :].startswith("bad z")
    assert caret.strip("| ") == "^^^"
    start = render_error(InputError("x", position=Position(str(manifest), 1, 3))).splitlines()[1]
    assert start.startswith("    1 | aaaa")
    assert start.endswith("a…")
    end = render_error(InputError("x", position=Position(str(manifest), 1, 10005))).splitlines()[1]
    assert end.startswith("    1 | …z")
    assert end.endswith("z")


def test_what_a_terminal_would_obey_is_not_shown(manifest: Path) -> None:
    manifest.write_bytes(b"\x7fELF\0\x1b[2J\xff x\n")
    shown = render_error(InputError("x", position=Position(str(manifest), 1)))
    assert shown.splitlines()[1] == "    1 | \ufffdELF\ufffd\ufffd[2J\ufffd x"


def test_a_file_that_changes_is_shown_as_it_is_now(manifest: Path) -> None:
    error = InputError("x", position=Position(str(manifest), 1))
    assert "name: hello" in render_error(error)
    manifest.write_text("name: other\n")
    os.utime(manifest, ns=(1, 1))
    assert "name: other" in render_error(error)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert len(render_error(InputError("x", position=Position(str(tmp_path / "pipe"), 1))).splitlines()) == 1


def test_a_file_elsewhere_keeps_its_whole_path(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (manifest.parent / "sub").mkdir()
    monkeypatch.chdir(manifest.parent / "sub")
    assert render_error(InputError("x", position=Position(str(manifest), 1))).startswith(f"error: {manifest}:1: x")


def test_the_last_lines_of_a_build_or_a_container_are_shown() -> None:
    assert render_error(ImageError("the build failed", output=["Step 1", "boom\n"], hint="fix it")).splitlines() == [
        "error: the build failed",
        "  Step 1",
        "  boom",
        "",
        "hint: fix it",
    ]
    assert "  panic: no config" in render_error(ContainerFailed("hello exited", output=["panic: no config"]))


def test_every_finding_is_shown_with_its_line_and_hint_in_the_order_of_the_file(manifest: Path) -> None:
    findings = [
        Finding("CL102", "is odd", Position(str(manifest), 3, 3), severity=Severity.WARNING),
        Finding("CL101", "unknown key", Position(str(manifest), 1, 1), path="nam", hint="did you mean name?"),
    ]
    assert render_error(FindingsError("manifest.yml", findings)).splitlines() == [
        "error[CL101]: manifest.yml:1:1: nam: unknown key",
        "    1 | name: hello",
        "      | ^^^^",
        "  hint: did you mean name?",
        "",
        "warning[CL102]: manifest.yml:3:3: is odd",
        "    3 |   targetContainr: nginx",
        "      |   ^^^^^^^^^^^^^^",
        "",
        "error: manifest.yml: 1 error",
    ]
    assert render_findings(findings).splitlines()[-1] == "1 error, 1 warning"


def test_colour_changes_no_word(manifest: Path) -> None:
    error = InputError("unknown key", position=Position(str(manifest), 3, 3), hint="h")
    coloured = render_error(error, colour=True)
    assert "\x1b[31merror\x1b[0m" in coloured
    for code in ("\x1b[31m", "\x1b[2m", "\x1b[1m", "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == render_error(error)
