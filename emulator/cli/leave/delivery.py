"""Lines of shell: printed, or run after a question."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from emulator.errors import UsageError

Run = Annotated[bool, typer.Option("--run", help="Run the lines, with your own AWS credentials, after a question.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="With --run: do not ask.")]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Whether lines are run."""

    run: Run = False
    yes: Yes = False

    def deliver(self, lines: Sequence[str], programs: Sequence[str] = ()) -> None:
        """Prints the lines; with `--run` runs them in bash and ends with their code. `programs` are needed besides
        `aws`.

        Raises UsageError where a program is not there, or the question cannot be asked.
        """
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        if not self.run:
            if self.yes:
                raise UsageError("--yes is for --run", hint="without --run, lines are only printed")
            return
        sys.stdout.flush()
        for program in ("aws", "bash", *programs):
            if shutil.which(program) is None:
                raise UsageError(f"there is no `{program}` on PATH", hint=_SOURCES.get(program, f"install {program}"))
        if not self.yes:
            if not is_terminal():
                raise UsageError("--run asks first, and there is no terminal", hint="give --yes too")
            if not typer.confirm("Run this, with your own AWS credentials?", err=True):
                raise typer.Exit(1)
        ended = subprocess.run(["bash", "-euo", "pipefail", "-c", "\n".join(lines)])
        raise typer.Exit(ended.returncode)


def is_terminal() -> bool:
    """Whether a question can be asked."""
    return sys.stdin.isatty()


_SOURCES = {
    "aws": "install AWS's command line, version 2",
    "session-manager-plugin": "install AWS's Session Manager plugin: `execute-command` needs it",
}
