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
from collections.abc import Callable, Iterator

import pytest

from emulator.engine.interface import Engine
from tests.docker.cli.conftest import Ended, Shell, Shells

pytestmark = pytest.mark.docker

TIMEOUT = 60.0
CTRL_C = b"\x03"
SCRIPT = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches it
from emulator.cli.main import main
sys.exit(main())
"""

PROXIED = """
name: hello
type: Load Balanced Web Service
image: {location: busybox:1.37, port: 3000}
command: "sh -c 'trap exit TERM; echo listening to nothing; sleep 3600 & wait'"
http: {path: api, healthcheck: /api/x, target_container: proxy}
sidecars:
  proxy:
    port: 80
    image: 1234567890.dkr.ecr.us-west-2.amazonaws.com/reverse-proxy:revision_1
"""
OTHER = """
FROM busybox:1.37
RUN mkdir -p /www/api && echo the other one > /www/api/x
CMD ["httpd", "-f", "-p", "80", "-h", "/www"]
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
    def printed(self) -> str:
        return bytes(self._data).decode(errors="replace")

    @property
    def text(self) -> str:
        """What has been printed, without its colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.printed)

    def until(self, text: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while text not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.text}"
            time.sleep(0.05)

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def kill(self) -> None:
        """Unless it has ended."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def end(self) -> tuple[int, Screen]:
        """The exit code, and the screen as it is left."""
        code = self.process.wait(TIMEOUT)
        self._reader.join(5)
        os.close(self.master)
        screen = Screen(self.columns)
        screen.feed(self.printed)
        return code, screen


MakeTerminal = Callable[..., Terminal]


@pytest.fixture
def terminal(shell: Shell) -> Iterator[MakeTerminal]:
    """Starts a command in a terminal with so many columns."""
    made: list[Terminal] = []

    def start(columns: int, *arguments: str, **variables: str) -> Terminal:
        made.append(Terminal(shell, columns, *arguments, **variables))
        return made[-1]

    yield start
    for one in made:
        one.kill()


def until_it_answers(shell: Shell, terminal: Terminal) -> None:
    """`up` has come up, and the service answers: a program that has hardly begun misses the signal to stop."""
    terminal.until("Press Ctrl-C to stop.")
    shell.until(f"an answer; {terminal.text}", lambda: shell.answers("/api/health-check"))


def test_a_terminal_shows_steps_and_logs_watches_when_asked_and_leaves_no_scraps(
    shell: Shell, terminal: MakeTerminal
) -> None:
    up = terminal(40, "up", "--port", str(shell.port), DISPLAY="")
    until_it_answers(shell, up)
    up.until("w to watch files")
    for key, seen in (
        (b"w", ", watching for changes. Press Ctrl-C to stop."),
        (b"d", "d does nothing while files are watched"),
        (b"w", "changes wait until w is pressed again"),
    ):
        up.type(key)
        up.until(seen)
    manifest = shell.folder / "copilot" / "hello" / "manifest.yml"
    manifest.write_text(manifest.read_text() + "\n# changed\n")
    up.type(b"w")
    up.until("what runs is as it says already")
    assert up.text.index("changes are applied again") < up.text.index("as it says already")
    up.type(CTRL_C)
    code, screen = up.end()
    assert code == 130
    assert "still running" not in up.text
    assert shell.run("ps").out == ""
    assert screen.coloured
    lines = screen.lines()
    text = "\n".join(lines)
    assert re.search(r"^ ✓ build hello/Dockerfile \d", text, re.MULTILINE)
    assert re.search(r"^ ✓ start hello/hello \w{8} \d", text, re.MULTILINE)
    assert re.search(r"^hello \| listening on port 3000$", text, re.MULTILINE)
    assert re.search(r"^ ✓ stop hello/hello \w{8} \d", text, re.MULTILINE)
    # The line of the step that runs is gone, whatever its length was: a wrapped one would have left its beginning.
    assert not [line for line in lines if line.startswith(" • ")]


def test_without_colour_a_terminal_gets_plain_lines_and_keys_open_and_leave(
    shell: Shell, terminal: MakeTerminal
) -> None:
    up = terminal(80, "up", "--port", str(shell.port), NO_COLOR="1", DISPLAY="")
    until_it_answers(shell, up)
    for key, seen in ((b"o", f"open: http://127.0.0.1:{shell.port}/api"), (b"d", "Detached")):
        up.type(key)
        up.until(seen)
    code, screen = up.end()
    assert code == 0
    assert not screen.coloured
    assert any(line.startswith(" ✓ build hello/Dockerfile") for line in screen.lines())
    assert re.search(r"hello .* built from hello/Dockerfile +Up ", shell.run("ps").out), "d leaves it running"


@pytest.fixture(scope="module")
def piped(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, Ended]]:
    """A service that runs, and how the `up -d` in a pipe ended. Its sidecar's image is built from a folder."""
    shells = Shells(tmp_path_factory.mktemp("piped"), engine)
    shell = shells.make({"copilot/hello/manifest.yml": PROXIED, "other/Dockerfile": OTHER})
    yield shell, shell.up("-d", "--wait", "--image", "proxy=./other")
    shells.remove()


def test_a_pipe_gets_plain_lines_and_the_logs_alone_on_standard_output(piped: tuple[Shell, Ended]) -> None:
    shell, up = piped
    assert (up.code, up.out) == (0, "")
    assert "\x1b" not in up.err
    assert re.search(r"^ ✓ start hello/hello", up.err, re.MULTILINE)
    logs = shell.run("logs")
    assert "\x1b" not in logs.out
    assert re.search(r"^hello/hello \| listening to nothing$", logs.out, re.MULTILINE)


def test_an_image_option_builds_a_folder_in_place_of_the_manifests_image(piped: tuple[Shell, Ended]) -> None:
    shell, up = piped
    assert up.code == 0, up.err
    assert shell.get("/api/x").text == "the other one\n"


def test_help_fits_the_window(terminal: MakeTerminal) -> None:
    code, screen = terminal(80, "up", "--help").end()
    assert code == 0
    assert screen.lines()[0].startswith("Usage: copilot-local up")
    assert max(len(line) for line in screen.lines()) < 80
