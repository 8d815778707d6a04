"""What a person sees: the command in a pseudo-terminal of 80 and of 40 columns, in a pipe, and without colour."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.docker.cli.conftest import Shell

pytestmark = pytest.mark.docker

Example = Callable[[str], "Shell"]
TIMEOUT = 60.0
CTRL_C = b"\x03"
SCRIPT = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches it
from emulator.cli.main import main
sys.exit(main())
"""


class Screen:
    """As much of a terminal as the command uses: lines that wrap, carriage return, erasing to the end, colours."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: list[list[str]] = [[]]
        self.column = 0
        self.coloured = False

    def feed(self, text: str) -> None:
        for part in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|[^\x1b]|\x1b", text):
            if part == "\n":
                self.rows.append([])
                self.column = 0
            elif part == "\r":
                self.column = 0
            elif part == "\x1b[K":
                del self.rows[-1][self.column :]
            elif part == "\x1b[A":  # from a line that was erased
                assert self.rows.pop() == []
            elif re.fullmatch(r"\x1b\[[0-9;]*m", part):
                self.coloured = True
            else:
                assert part.isprintable(), f"{part!r} would move the cursor"
                self._put(part)

    def _put(self, character: str) -> None:
        if self.column == self.columns:
            self.rows.append([])
            self.column = 0
        row = self.rows[-1]
        row[self.column : self.column + 1] = [character]
        self.column += 1

    def lines(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.rows]


class Terminal:
    """A command in a pseudo-terminal of its own, and what has come out of it."""

    def __init__(self, shell: Shell, columns: int, *arguments: str, **variables: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *arguments],
            cwd=shell.folder,
            env={**kept, "TERM": "xterm", "COPILOT_LOCAL_APP": shell.app, **variables},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.columns = columns
        self._data = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # how a pseudo-terminal reports its closed end
            while data := os.read(self.master, 65536):
                self._data += data

    @property
    def text(self) -> str:
        return bytes(self._data).decode(errors="replace")

    def until(self, text: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while text not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.text}"
            time.sleep(0.05)

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def end(self) -> tuple[int, Screen]:
        """The exit code, and the screen as it is left."""
        code = self.process.wait(TIMEOUT)
        self._reader.join(5)
        os.close(self.master)
        screen = Screen(self.columns)
        screen.feed(self.text)
        return code, screen


def run_until_ctrl_c(shell: Shell, columns: int, **variables: str) -> tuple[int, Screen]:
    return run_with_keys(shell, columns, [(CTRL_C, "")], **variables)


def run_with_keys(
    shell: Shell, columns: int, keys: Sequence[tuple[bytes, str]], **variables: str
) -> tuple[int, Screen]:
    """`up` until the service answers; then each key, and what has to be seen after it."""
    terminal = Terminal(shell, columns, "up", "--port", str(shell.port), **variables)
    try:
        terminal.until("Press Ctrl-C to stop.")
        # A program that has hardly begun misses the signal that would stop it.
        shell.until(f"an answer; {terminal.text}", lambda: shell.answers("/api/health-check"))
        for key, seen in keys:
            terminal.type(key)
            terminal.until(seen)
        return terminal.end()
    finally:
        if terminal.process.poll() is None:
            terminal.process.kill()
            terminal.process.wait()


@pytest.mark.parametrize("columns", [80, 40])
def test_a_terminal_shows_steps_logs_and_leaves_no_scraps(example: Example, columns: int) -> None:
    code, screen = run_until_ctrl_c(example("nginx-sidecar"), columns)
    assert code == 130
    assert screen.coloured
    lines = screen.lines()
    text = "\n".join(lines)
    assert re.search(r"^ ✓ build hello/Dockerfile \d", text, re.MULTILINE)
    assert re.search(r"^ ✓ start hello/hello \w{8} \d", text, re.MULTILINE)
    assert re.search(r"^hello \| listening on port 3000$", text, re.MULTILINE)
    assert re.search(r"^ ✓ stop hello/nginx \w{8} \d", text, re.MULTILINE)
    # The line of the step that runs is gone, whatever its length was: a wrapped one would have left its beginning.
    assert not [line for line in lines if line.startswith(" • ")]


def test_without_colour_a_terminal_gets_plain_lines_and_keys_open_and_leave(example: Example) -> None:
    shell = example("nginx-sidecar")
    opened = f"open: http://127.0.0.1:{shell.port}/api"
    code, screen = run_with_keys(shell, 80, [(b"o", opened), (b"d", "Detached")], NO_COLOR="1", DISPLAY="")
    assert code == 0
    assert not screen.coloured
    assert any(line.startswith(" ✓ build hello/Dockerfile") for line in screen.lines())
    listed = shell.run("ps").out
    assert re.search(r"nginx .* Up ", listed), "d leaves it running"
    assert re.search(r"hello .* built from hello/Dockerfile ", listed)


def test_a_key_watches_files_and_holds_their_changes(example: Example) -> None:
    shell = example("nginx-sidecar")
    terminal = Terminal(shell, 80, "up", "--port", str(shell.port), NO_COLOR="1", DISPLAY="")
    try:
        terminal.until("w to watch files")
        terminal.until("Press Ctrl-C to stop.")
        terminal.type(b"w")
        terminal.until(", watching for changes. Press Ctrl-C to stop.")
        terminal.type(b"d")
        terminal.until("d does nothing while files are watched")
        terminal.type(b"w")
        terminal.until("changes wait until w is pressed again")
        manifest = shell.folder / "copilot" / "hello" / "manifest.yml"
        manifest.write_text(manifest.read_text() + "\n# changed\n")
        terminal.type(b"w")
        terminal.until("what runs is as it says already")
        assert terminal.text.index("changes are applied again") < terminal.text.index("as it says already")
        terminal.type(CTRL_C)
        code, _ = terminal.end()
    finally:
        if terminal.process.poll() is None:
            terminal.process.kill()
            terminal.process.wait()
    assert code == 130
    assert "still running" not in terminal.text
    assert shell.run("ps").out == ""


def test_a_pipe_gets_plain_lines_and_the_logs_alone_on_standard_output(example: Example) -> None:
    shell = example("nginx-sidecar")
    up = shell.up("-d", "--wait")
    assert (up.code, up.out) == (0, "")
    assert "\x1b" not in up.err
    assert re.search(r"^ ✓ start hello/hello", up.err, re.MULTILINE)
    logs = shell.run("logs")
    assert "\x1b" not in logs.out
    assert re.search(r"^hello/hello \| listening on port 3000$", logs.out, re.MULTILINE)


def test_help_fits_the_window(example: Example) -> None:
    terminal = Terminal(example("nginx-sidecar"), 80, "up", "--help")
    code, screen = terminal.end()
    assert code == 0
    assert screen.lines()[0].startswith("Usage: copilot-local up")
    assert max(len(line) for line in screen.lines()) < 80
