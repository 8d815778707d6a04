"""Running other programs: argument lists only, bounded, their output kept in a log file."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TIMED_OUT = 124  # the code that coreutils' `timeout` gives
NOT_FOUND = 127  # the code that a shell gives


@dataclass(frozen=True, slots=True)
class Result:
    """How a program ended: its exit code (124 timed out, 127 not installed) and everything it printed."""

    argv: tuple[str, ...]
    code: int
    output: str

    @property
    def ok(self) -> bool:
        return self.code == 0

    def tail(self, lines: int = 20) -> list[str]:
        """The last lines of the output, without empty ones."""
        return [line for line in self.output.splitlines() if line.strip()][-lines:]

    def reason(self) -> str:
        """Why it failed, as the end of a sentence."""
        program = self.argv[0]
        if self.code == TIMED_OUT:
            return f"`{program}` did not end in time"
        if self.code == NOT_FOUND:
            return f"`{program}` is not installed"
        return f"`{program}` ended with code {self.code}"


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Result:
    """Runs a program to its end, never raising for what the program does.

    `env` is added to our own variables. `log` is a file to which the command and its output are appended. The output
    goes through a file, not a pipe: a background process that the program leaves behind cannot keep us waiting.
    """
    with tempfile.TemporaryFile() as captured:
        try:
            code = subprocess.run(
                list(argv),
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=captured,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = TIMED_OUT
        except FileNotFoundError:
            code = NOT_FOUND
        captured.seek(0)
        output = captured.read().decode(errors="replace")
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(f"$ {' '.join(argv)}\n{output}\n")
    return Result(tuple(argv), code, output)
