"""Starting `copilot-local` from a process that has imported it already (`warm_process.py`)."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

COMMAND = Path(sys.executable).parent / "copilot-local"
SERVER = Path(__file__).with_name("warm_process.py")
ROOT = Path(__file__).parents[2]


class Command:
    """A process of `copilot-local`, of which this has what `subprocess.Popen` has: pipes, signals, exit code."""

    def __init__(self, words: list[str], folder: Path, variables: Mapping[str, str]) -> None:
        self.args = words
        self.returncode: int | None = None
        out, out_of_child = os.pipe()
        err, err_of_child = os.pipe()
        self.stdout = os.fdopen(out, encoding="utf-8")
        self.stderr = os.fdopen(err, encoding="utf-8")
        self._answers, of_server = socket.socketpair()
        nothing = os.open(os.devnull, os.O_RDONLY)
        given = [nothing, out_of_child, err_of_child, of_server.detach()]
        try:
            with _starting:
                socket.send_fds(_server(), [b"+"], given)
        finally:
            for descriptor in given:
                os.close(descriptor)
        task = {"words": words, "folder": str(folder), "variables": dict(variables)}
        self._answers.sendall(json.dumps(task).encode() + b"\n")
        self._lines = b""
        self._waiting = threading.Lock()
        self.pid = int(self._line(None))

    def poll(self) -> int | None:
        """The exit code, negative where a signal ended it; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code once it has ended. Raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        if not self._waiting.acquire(timeout=-1 if timeout is None else timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        try:
            if self.returncode is None:
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                self.returncode = int(self._line(left))
                self._answers.close()
            return self.returncode
        finally:
            self._waiting.release()

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _line(self, timeout: float | None) -> str:
        """The next line that the server writes."""
        self._answers.settimeout(timeout)
        while b"\n" not in self._lines:
            try:
                found = self._answers.recv(64)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            assert found, "the process that forks commands has ended"
            self._lines += found
        line, _, self._lines = self._lines.partition(b"\n")
        return line.decode()


_starting = threading.Lock()


@cache
def _server() -> socket.socket:
    """Where requests go."""
    # -P: the folder of its file is no place to import from.
    return start_server(["-P", str(SERVER)])


def start_server(arguments: list[str]) -> socket.socket:
    """Starts a Python process that takes requests from a socket, whose number is its last argument.

    Returns the other end. The process ends when that is closed, and so with this one, however that ends.
    """
    mine, its = socket.socketpair()
    with its:
        server = subprocess.Popen(
            [sys.executable, *arguments, str(its.fileno())],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
        )

    def end() -> None:
        mine.close()
        server.wait()

    atexit.register(end)
    return mine
