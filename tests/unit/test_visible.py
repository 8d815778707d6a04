"""Text from strangers reaches a terminal as text."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.display import make_display
from emulator.display.failure import render_error, render_findings
from emulator.display.table import table
from emulator.errors import Finding, ImageError, InputError
from emulator.events import Event, EventKind
from emulator.visible import GuardedStream, visible, visible_line

ATTACKS = {
    "clears the screen": "\x1b[2J\x1b[H",
    "moves up": "\x1b[1A\x1b[K",
    "sets the title": "\x1b]0;owned\x07",
    "sets the clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "links": "\x1b]8;;http://evil\x1b\\ok\x1b]8;;\x1b\\",
    "in 8 bits": "\x9b2J\x9d0;owned\x9c",
    "goes back": "safe\r\x08\x08evil",
    "asks the terminal": "\x1b[6n\x05",
    "overrides the direction": "user\u202egnp.exe\u202c",
    "isolates": "\u2066evil\u2069\u200f\u061c",
    "hides text": "ok\U000e0041\ufeff",
    "ends the line": "x\u2028y\u0085z",
    "is no character": "\udc9b2J",
    "half a style": "\x1b[31",
    "private style": "\x1b[?25l\x1b[>4;2m",
}
HARMLESS = "tab\tünïcode 日本語 👩‍👩‍👧 \u00a0 ✓ …"
FORBIDDEN = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"]
FORBIDDEN += [*"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ufeff\udc9b"]


def obeyed(text: str) -> list[str]:
    return [character for character in FORBIDDEN if character in text]


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("sgr", [False, True])
def test_what_a_terminal_would_obey_is_shown(attack: str, sgr: bool) -> None:
    shown = visible(f"before {attack} after", sgr=sgr)
    assert not obeyed(shown)
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "\\x" in shown or "\\u" in shown


def test_everything_else_stays() -> None:
    assert visible(HARMLESS + "\n" + HARMLESS) == HARMLESS + "\n" + HARMLESS
    assert visible("windows\r\nlines\r") == "windows\nlines"


def test_styles_stay_on_a_terminal_alone_and_end_with_their_line() -> None:
    styled = "\x1b[1;31mred\x1b[0m and \x1b[4munderlined\nplain"
    assert visible(styled) == "red and underlined\nplain"
    assert visible(styled, sgr=True) == "\x1b[1;31mred\x1b[0m and \x1b[4munderlined\x1b[0m\nplain"


def test_a_name_does_not_become_two_lines() -> None:
    assert visible_line("web\nerror: all is well") == "web\\nerror: all is well"


@given(st.text(st.characters(codec=None)), st.booleans())
def test_nothing_that_is_obeyed_is_ever_left(text: str, sgr: bool) -> None:
    shown = visible(text, sgr=sgr)
    left = obeyed(shown)
    assert left == [] or (sgr and left == ["\x1b"])
    assert visible(shown, sgr=sgr) == shown


def everything_printed(attack: str, terminal: bool) -> str:
    """What is printed where a stranger chose every name and every word."""
    out = _Terminal() if terminal else io.StringIO()
    display = make_display(out=out, err=out)
    for kind in EventKind:
        display.emit(Event(kind, f"s{attack}", f"m{attack}", {"hint": f"h{attack}"}))
    display.close()
    finding = Finding("CL101", f"m{attack}", None, f"p{attack}", f"h{attack}")
    texts = [
        render_error(InputError(f"m{attack}", hint=f"h{attack}"), colour=terminal),
        render_error(ImageError(f"m{attack}", output=[f"o{attack}"]), colour=terminal),
        render_findings([finding], colour=terminal),
        table(["a"], [[f"c{attack}"]]),
    ]
    return out.getvalue() + "\n".join(texts)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("terminal", [False, True])
def test_no_way_of_printing_passes_it_on(attack: str, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    printed = everything_printed(attack, terminal)
    own = printed.replace("\r\x1b[K", "")
    for code in ("0", "1", "2", "31", "32", "33", "34", "35", "36", "92", "93", "94", "95", "96"):
        own = own.replace(f"\x1b[{code}m", "")
    assert not obeyed(own)


def test_the_guard_of_a_stream_leaves_json_what_it_is() -> None:
    out = io.StringIO()
    value = {"log": "".join(ATTACKS[key] for key in ("overrides the direction", "hides text", "in 8 bits")) + "\x7f"}
    GuardedStream(out, sgr=False).write(json.dumps(value, ensure_ascii=False))
    assert not obeyed(out.getvalue())
    assert json.loads(out.getvalue()) == value


def test_a_whole_command_at_a_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "shop" / "copilot" / "we\x1b[2Jb\u202e"
    folder.mkdir(parents=True)
    (folder / "manifest.yml").write_text('name: web\ntype: Backend Service\n"k\\e[2Jey\\u202e": 1\n"\\x9b2J": 1\n')
    ours, theirs = pty.openpty()
    program = "import sys; from emulator.cli.shell.app import run; sys.exit(run(sys.argv[1:]))"
    for arguments in (["validate"], ["config"], ["up", "-d"], ["doctor"], ["render", "taskdef"]):
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            cwd=tmp_path / "shop",
            env={**os.environ, "TERM": "xterm", "DOCKER_HOST": f"unix://{tmp_path}/none.sock", "HOME": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        process.wait(60)
        printed = os.read(ours, 100_000).decode(errors="surrogateescape")
        assert "\x1b[2J" not in printed, arguments
        assert not {"\x9b", "\u202e"} & set(printed), arguments
    os.close(ours)
    os.close(theirs)
