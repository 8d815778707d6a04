"""Documents as they are followed: the commands of their console blocks, run one after the other in one shell."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.settings_files import STAND_INS_NAME, configuration_folder
from tests.docker.project import free_port

ROOT = Path(__file__).parents[3]
PORT = "8080"
ANYTHING = "…"


@dataclass(frozen=True)
class Step:
    """A command with what the document says it prints."""

    line: int
    command: str
    expected: tuple[str, ...]


def steps(document: Path) -> list[Step]:
    """The commands of a document's console blocks. A here-document belongs to its command."""
    found: list[Step] = []
    inside, here, command, expected, start = False, False, "", list[str](), 0
    for number, line in enumerate([*document.read_text(encoding="utf-8").splitlines(), "```"], start=1):
        if line.startswith("```"):
            if inside and command:
                found.append(Step(start, command, tuple(expected)))
            inside, here, command, expected = line == "```console", False, "", []
        elif inside and here:
            command += f"\n{line}"
            here = line != "END"
        elif inside and line.startswith("$ "):
            if command:
                found.append(Step(start, command, tuple(expected)))
            start, command, expected = number, line[2:], []
            here = "<< 'END'" in line
        elif inside:
            expected.append(line)
    return found


class Reader:
    """A user who types a document's commands, on a machine where port 8080 is another one."""

    def __init__(self, folder: Path) -> None:
        self.port = str(free_port())
        self.app = f"docs-{uuid.uuid4().hex[:8]}"
        settings = folder / "settings" / "copilot-local"
        settings.mkdir(parents=True)
        if (stand_ins := configuration_folder() / STAND_INS_NAME).is_file():
            shutil.copyfile(stand_ins, settings / STAND_INS_NAME)
        (settings / "copilot-local.toml").write_text(f"[front]\nport = {self.port}\n", encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COPILOT_"))}
        self.variables = {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(folder / "settings"),
            "COPILOT_LOCAL_APP": self.app,
            "NO_COLOR": "1",
        }
        self.shell = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env=self.variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def follow(self, step: Step) -> str:
        """Types a command; returns what it printed. Fails where it fails, or where the document says otherwise."""
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        end = f"--{uuid.uuid4().hex}--"
        # Commands that would read what is typed next get nothing.
        self.shell.stdin.write(f"{{ {step.command.replace(PORT, self.port)}\n}} < /dev/null\necho {end} $?\n")
        self.shell.stdin.flush()
        printed: list[str] = []
        for line in self.shell.stdout:
            if line.startswith(end):
                code = int(line.split()[1])
                break
            printed.append(line.rstrip("\n"))
        else:
            pytest.fail(f"line {step.line}: the shell ended:\n" + "\n".join(printed))
        text = "\n".join(printed).replace(self.port, PORT)
        assert code == 0, f"line {step.line}: {step.command}\ncode {code}\n{text}"
        self._compare(step, text)
        return text

    def _compare(self, step: Step, printed: str) -> None:
        """The lines of the document come in that order; `…` stands for anything within a line, and for lines. How wide
        a gap is does not matter."""
        position = 0
        lines = [" ".join(line.split()) for line in printed.splitlines()]
        for expected in step.expected:
            if expected.strip() == ANYTHING:
                continue
            pattern = ".*".join(re.escape(part) for part in " ".join(expected.split()).split(ANYTHING))
            while position < len(lines) and not re.fullmatch(pattern, lines[position]):
                position += 1
            assert position < len(lines), f"line {step.line}: {step.command}\nno line {expected!r} in\n{printed}"
            position += 1

    def leave(self) -> None:
        os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.wait()
        for stream in (self.shell.stdin, self.shell.stdout):
            if stream is not None:
                stream.close()
        down = [str(Path(sys.executable).with_name("copilot-local")), "down", "-v", "-e", "test"]
        subprocess.run([*down, "-a", self.app], env=self.variables, capture_output=True, timeout=60, check=False)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    made = Reader(tmp_path)
    yield made
    made.leave()


@pytest.fixture
def follow(reader: Reader) -> Callable[[str], None]:
    """Follows a document of docs/ from its first command to its last."""

    def run(name: str) -> None:
        for step in steps(ROOT / "docs" / name):
            reader.follow(step)

    return run
