"""Completion in the shells themselves, set up as a user sets it up."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).parent
DEADLINE = 60.0
MANIFEST = "name: warehouse\ntype: Backend Service\nimage: {location: busybox:1.37}\ncpu: 256\nmemory: 512\ncount: 1\n"


class Shell:
    """An interactive shell on a terminal of its own, in a workspace with one service."""

    def __init__(self, name: str, folder: Path) -> None:
        if shutil.which(name) is None:
            pytest.skip(f"no {name}")
        self.home = folder / "home-of-shell"
        self.home.mkdir()
        manifest = folder / "copilot" / "warehouse" / "manifest.yml"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(MANIFEST)
        self.name = name
        self.folder = folder
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "COPILOT_", "ZDOTDIR"))}
        self.variables = {**kept, "HOME": str(self.home), "PATH": f"{PROGRAM}:{os.environ['PATH']}", "TERM": "dumb"}

    def run(self, command: str) -> str:
        """What a command line of the shell prints. A second command keeps the shell from becoming the first."""
        words = [self.name, "-c", f"{command}; true"]
        done = subprocess.run(
            words, cwd=self.folder, env=self.variables, capture_output=True, text=True, timeout=DEADLINE, check=True
        )
        return done.stdout

    def typed(self, text: str, expected: str) -> str:
        """What stands on the terminal once `expected` does, after `text` was typed."""
        process, terminal = pty.fork()
        if process == 0:
            with contextlib.suppress(BaseException):
                os.chdir(self.folder)
                os.execvpe(self.name, [self.name, "-i"], self.variables)
            os._exit(127)
        try:
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 40, 200, 0, 0))
            os.write(terminal, b"echo rea''dy\n")
            _until(terminal, "ready")
            os.write(terminal, text.encode())
            return _until(terminal, expected)
        finally:
            os.close(terminal)  # the shell is hung up
            os.waitpid(process, 0)


def _until(terminal: int, expected: str) -> str:
    found, deadline = "", time.monotonic() + DEADLINE
    while expected not in found:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"not within {DEADLINE:g} s: {expected!r} in {found!r}"
        found += os.read(terminal, 65536).decode(errors="replace")
    return found


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_a_tab_completes_verbs_and_services(tmp_path: Path, name: str) -> None:
    shell = Shell(name, tmp_path)
    assert f"{name} completion installed" in shell.run("copilot-local --install-completion")
    # What stands before the line that Tab completed makes it one that is printed.
    assert "+copilot-local restart" in shell.typed("copilot-local rest\t\x01echo +\n", "+copilot-local restart")
    assert "+copilot-local config warehouse" in shell.typed(
        "copilot-local config ware\t\x01echo +\n", "+copilot-local config warehouse"
    )


def test_fish_completes_verbs_and_services(tmp_path: Path) -> None:
    shell = Shell("fish", tmp_path)
    assert "fish completion installed" in shell.run("copilot-local --install-completion")
    found = shell.run("complete -C 'copilot-local re'").splitlines()
    assert [line.partition("\t")[0] for line in found] == ["reference", "render", "restart"]
    assert shell.run("complete -C 'copilot-local config ware'").split() == ["warehouse"]
