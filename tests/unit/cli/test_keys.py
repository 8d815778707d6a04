"""Single keys of a terminal, in a process that has one for itself."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest

PROGRAM = """
import sys
import threading
from emulator.cli.shell.keys import keys

pressed = threading.Event()
with keys({"c": pressed.set}) as listens:
    print("listens" if listens else "has no terminal", file=sys.stderr)
    if listens:
        pressed.wait(30)
        print("pressed", file=sys.stderr)
"""


def controlled() -> None:
    """The process's terminal is its standard input."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def started(theirs: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=controlled,
    )


def test_a_key_calls_its_action_without_enter_and_the_terminal_is_left_as_it_was(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    before = termios.tcgetattr(theirs)
    with started(theirs) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "listens\n"
        assert not termios.tcgetattr(theirs)[3] & termios.ECHO
        os.write(ours, b"xyc")
        assert process.stderr.readline() == "pressed\n"
        assert process.wait(30) == 0
    assert termios.tcgetattr(theirs) == before


def test_ctrl_c_is_a_signal_still(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    with started(theirs) as process:
        assert process.stderr is not None
        process.stderr.readline()
        os.write(ours, b"\x03")
        assert process.wait(30) == -signal.SIGINT


def test_without_a_terminal_nothing_is_read() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], input="c", capture_output=True, text=True, check=True)
    assert done.stderr == "has no terminal\n"
