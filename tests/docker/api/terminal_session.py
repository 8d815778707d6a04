"""A session of ECS Exec on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence

from tests.docker.project import DEADLINE


class Session:
    """`aws ecs execute-command --interactive`, or its plugin alone, on a terminal of 100 × 30, until it ends."""

    def __init__(self, words: Sequence[str], variables: Mapping[str, str]) -> None:
        self.terminal, theirs = pty.openpty()
        self.printed = ""
        self.resize(100, 30)
        self.process = subprocess.Popen(
            list(words),
            env=dict(variables),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def until(self, pattern: str) -> str:
        """Everything that was printed, once that is there."""
        end = time.monotonic() + DEADLINE
        while not re.search(pattern, self.printed, re.MULTILINE):
            assert time.monotonic() < end, self.printed[-2000:]
            assert self._read(), f"ended before {pattern!r}:\n{self.printed[-2000:]}"
        return self.printed

    def end(self) -> str:
        """Everything that was printed, once it has ended."""
        while self._read():
            pass
        assert self.process.wait(DEADLINE) == 0, self.printed[-2000:]
        return self.printed

    def _read(self) -> bool:
        ready, _, _ = select.select([self.terminal], [], [], DEADLINE)
        assert ready, f"silent after:\n{self.printed[-2000:]}"
        try:
            data = os.read(self.terminal, 65536)
        except OSError:  # the other side is closed
            return False
        self.printed += data.decode()
        return bool(data)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
