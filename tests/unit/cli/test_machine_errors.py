"""What the machine refuses is told as such: never as a bug of ours, and never as a traceback."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.app import selection
from emulator.display import make_display
from emulator.events import Event, EventKind

FULL = "error: standard output cannot be written: No space left on device\n"


def in_shell(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """How a line of a shell ends; `copilot_local` in it is the one of this environment."""
    main = "import sys; from emulator.cli.main import main; sys.exit(main())"
    shell = f"copilot_local() {{ '{sys.executable}' -c '{main}' \"$@\"; }}; {line}"
    return subprocess.run(
        ["sh", "-c", shell], cwd=folder, env={**os.environ, **variables}, text=True, capture_output=True, check=False
    )  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("verb", ["--help", "validate", "config hello", "config hello --format json", "route /api/x"])
def test_a_full_disk_is_told_as_one(workspace: Path, verb: str) -> None:
    ended = in_shell(f"copilot_local {verb} >/dev/full", workspace)
    assert ended.returncode == 1
    assert ended.stderr.endswith(f"{FULL}\nhint: make room where the output is led to, or lead it elsewhere\n")
    assert "bug" not in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_words_that_find_no_room_do_not_change_how_a_command_ends(workspace: Path) -> None:
    assert in_shell("copilot_local validate --frobnicate 2>/dev/full", workspace).returncode == 2
    assert in_shell("copilot_local config hello >/dev/full 2>&1", workspace).returncode == 1


@pytest.mark.parametrize("verb", ["--help", "--version", "validate", "config hello"])
def test_a_closed_standard_output_leads_nowhere(workspace: Path, verb: str) -> None:
    ended = in_shell(f"copilot_local {verb} >&-", workspace)
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False)


def test_a_command_does_its_work_with_closed_streams(workspace: Path) -> None:
    ended = in_shell("copilot_local config hello 2>&- <&-", workspace)
    assert (ended.returncode, ended.stdout[:12]) == (0, "name: hello\n")
    assert in_shell("copilot_local validate --frobnicate 2>&-", workspace).returncode == 2
    assert in_shell("copilot_local config hello <&- >&- 2>&-", workspace).returncode == 0


@pytest.mark.parametrize("verb", ["validate", "ps", "up -d", "down -a shop", "init", "run nightly", "render compose"])
def test_a_working_folder_that_is_gone_is_told_as_such(tmp_path: Path, verb: str) -> None:
    ended = in_shell(f"mkdir gone; cd gone; rmdir ../gone; copilot_local {verb}", tmp_path)
    assert ended.returncode == 1
    assert ended.stderr == ("error: the folder that you are in is not there any more\n\nhint: `cd` into one that is\n")


@pytest.mark.parametrize("home", ["/proc/none", "/dev/null"])
def test_a_home_where_nothing_can_be_made_is_named(workspace: Path, home: str) -> None:
    ended = in_shell("copilot_local trust", workspace, HOME=home)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: {home}")
    assert "cannot be used: " in ended.stderr
    assert ended.stderr.rstrip().endswith(
        "hint: copilot-local keeps files of yours there: set HOME to a folder that can be written"
    )


def test_a_home_that_is_no_folder_has_no_settings(run: Callable[..., Any], workspace: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("HOME", "/dev/null")
    ended = run("init")
    assert ended.code == 0
    assert "copilot-local.toml" in ended.out


@pytest.mark.parametrize(
    ("error", "told", "hint"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "a file cannot be written: No space", "`df -h`"),
        (OSError(errno.ENOSPC, "No space left on device", "/d/x"), "/d/x cannot be used: No space", "`df -h /d`"),
        (OSError(errno.EROFS, "Read-only file system", "/d/x"), "/d/x cannot be used: Read-only", "another folder"),
        (OSError(errno.EACCES, "Permission denied", "/d/x"), "/d/x cannot be used: Permission", "`ls -ld /d/x`"),
        (OSError(errno.ENOENT, "No such file or directory", "/d/x"), "/d/x cannot be used: No such", "went away"),
        (OSError(errno.EMFILE, "Too many open files"), "no further file can be opened: Too many", "`ulimit -n`"),
        (RuntimeError("Could not determine home directory."), "this user has no home folder", "set HOME"),
    ],
)  # fmt: skip
def test_each_refusal_says_what_where_and_what_to_do(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, error: Exception, told: str, hint: str
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(selection, "find_workspace", refused)
    ended = run("validate")
    assert ended.code == 1
    assert ended.err.startswith(f"error: {told}")
    assert hint in ended.err.partition("\nhint: ")[2]


@pytest.mark.parametrize("error", [OSError(errno.EBADF, "Bad file descriptor"), OSError("odd"), ValueError("odd")])
def test_what_a_wrong_call_of_ours_gets_stays_a_bug(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(selection, "find_workspace", refused)
    ended = run("validate")
    assert ended.code == 3
    assert "copilot-local has a bug" in ended.err


@pytest.mark.parametrize("url", ["http://[::1/x", "http://[foo]/", "http://exa\u2100mple.com/"])
@pytest.mark.parametrize("verb", ["route", "trace"])
def test_what_is_no_url_is_told_as_such(run: Callable[..., Any], workspace: Path, verb: str, url: str) -> None:
    ended = run(verb, url)
    assert ended.code == 2
    assert f"error: {url!r} is no URL: " in ended.err


@pytest.mark.parametrize("address", ["garbage", "10.0.0.0/8"])
def test_a_client_has_an_address_whatever_the_rules_ask(run: Callable[..., Any], workspace: Path, address: str) -> None:
    ended = run("route", "/api/x", "--from", address)
    assert ended.code == 2
    assert ended.err.startswith(f"error: --from {address}: this is no IP address\n")


def test_a_folder_that_goes_away_does_not_end_the_search_for_manifests(
    run: Callable[..., Any], workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = workspace.parent / "a-gone"
    gone.mkdir()
    real = os.scandir

    def scandir(path: Any = ".") -> Any:
        if os.fspath(path) == str(gone):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(gone))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    ended = run("validate", str(workspace.parent))
    assert ended.code == 0, ended.err
    assert "manifest.yml" in ended.out + ended.err


class Full(io.StringIO):
    """Where nothing can be written."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("format", ["text", "json"])
def test_logs_that_find_no_room_end_the_command_with_a_word(format: Any) -> None:
    ended: list[bool] = []
    err = io.StringIO()
    display = make_display(format, Full(), err, lambda: ended.append(True))
    for _ in range(2):
        display.emit(Event(EventKind.LOG, "web", "hello"))
    assert err.getvalue() == FULL
    assert ended


def test_progress_that_finds_no_room_does_not_end_the_work() -> None:
    out = io.StringIO()
    display = make_display("text", out, Full())
    display.emit(Event(EventKind.INFO, "web", "begins"))
    display.emit(Event(EventKind.LOG, "web", "hello"))
    display.close()
    assert out.getvalue() == "web | hello\n"
