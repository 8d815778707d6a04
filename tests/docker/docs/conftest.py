"""Documents as they are followed: the commands of their console blocks, run one after the other in one shell."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.engine.connect import connect
from emulator.events import discard
from emulator.runtime.lifecycle.down import down
from emulator.runtime.state.names import Names
from emulator.settings_files import STAND_INS_NAME, configuration_folder
from emulator.setup.agent_image import fetch_wheels, pinned_closure
from emulator.setup.images import ensure_agent_image
from tests.docker.project import built_for, free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
MACHINE = "copilot-local/newcomer:test"
SOCKET = Path("/var/run/docker.sock")
WHEELS = "/wheels"
PORT = "8080"
ANYTHING = "…"
OF_A_RUN = (
    r"\d+(?:\.\d+)? (?:ms|s|min)\b",
    r"\|[█░ ]*\|",
    r"\b\d\d:\d\d:\d\d\b",
    r"\b1-[0-9a-f]{8}-[0-9a-f]{24}\b",
    r"\b[0-9a-f]{12}\b",
)
"""What is another one in each run: lengths of time, bars, times of day, ids of traces."""


@dataclass(frozen=True)
class Step:
    """A command with what the document says it prints."""

    line: int
    command: str
    expected: tuple[str, ...]


def steps(document: Path) -> list[Step]:
    """The commands of a document's console blocks, those in lists too. A here-document belongs to its command."""
    found: list[Step] = []
    inside, here, command, expected, start, indent = False, False, "", list[str](), 0, 0
    for number, whole in enumerate([*document.read_text(encoding="utf-8").splitlines(), "```"], start=1):
        if whole.lstrip().startswith("```"):
            indent = len(whole) - len(whole.lstrip())
        line = whole[indent:]
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


def as_pattern(expected: str) -> str:
    """A regular expression for a line of a document."""
    found, rest = "", expected
    while rest:
        ahead = ((hit, shape) for shape in (*OF_A_RUN, ANYTHING) if (hit := re.search(shape, rest)) is not None)
        hit, shape = min(ahead, key=lambda one: one[0].start(), default=(None, ""))
        if hit is None:
            return found + re.escape(rest)
        found += re.escape(rest[: hit.start()]) + (".*" if shape == ANYTHING else f"(?:{shape})")
        rest = rest[hit.end() :]
    return found


class Reader:
    """A user who types a document's commands on a fresh machine, where port 8080 is another one.

    `machine` is the container that is that machine; its network is this one's.
    """

    def __init__(self, machine: str) -> None:
        self.port = str(free_port())
        self.app = built_for(f"docs-{uuid.uuid4().hex[:8]}")
        settings = f"[front]\nport = {self.port}\n"
        folder = "/home/newcomer/.config/copilot-local"
        write = f"mkdir -p {folder} && cat > {folder}/copilot-local.toml"
        subprocess.run(["docker", "exec", "-i", machine, "sh", "-c", write], input=settings, text=True, check=True)
        # Wheels come from a folder: what is tried is the project's own, and no index has it.
        variables = {
            "COPILOT_LOCAL_APP": self.app,
            "NO_COLOR": "1",
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": WHEELS,
            "UV_PYTHON_DOWNLOADS": "never",
        }
        options = [option for name, value in variables.items() for option in ("--env", f"{name}={value}")]
        self.shell = subprocess.Popen(
            ["docker", "exec", "--interactive", *options, machine, "bash", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        # Docker carries the two streams of an exec one beside the other, in no order.
        assert self.shell.stdin is not None
        self.shell.stdin.write("exec 2>&1\n")

    def follow(self, step: Step) -> str:
        """Types a command; returns what it printed. Fails where it fails, or where the document says otherwise."""
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        end = f"--{uuid.uuid4().hex}--"
        # Commands that would read what is typed next get nothing. The last line that one prints may have no end.
        self.shell.stdin.write(
            f"{{ {step.command.replace(PORT, self.port)}\n}} < /dev/null\nprintf '\\n%s %s\\n' {end} $?\n"
        )
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
        a gap is does not matter, nor which time or id it is."""
        position = 0
        lines = [" ".join(line.split()) for line in printed.splitlines()]
        for expected in step.expected:
            if expected.strip() == ANYTHING:
                continue
            pattern = as_pattern(" ".join(expected.split()))
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
        # The machine is gone with its container; what it started is not.
        with contextlib.closing(connect()) as engine:
            down(engine, Names(self.app, "test"), discard, volumes=True, timeout=1, agent_image=ensure_agent_image)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, local_image: Callable[[str], str]) -> Iterator[str]:
    """A fresh Debian with Python, the Docker client, uv, a user and the project's wheel in that user's home."""
    if not SOCKET.is_socket():
        pytest.skip(f"the fresh machine shares {SOCKET}, which is not there")
    ensure_agent_image()
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*pip, str(ROOT)], check=True, timeout=120)
    base = local_image("python:3.13-slim")
    build = ["docker", "build", "-q", "--build-arg", f"BASE={base}", "--tag", MACHINE, str(HERE / "newcomer")]
    subprocess.run(build, check=True, capture_output=True, timeout=280)
    name = f"docs-machine-{uuid.uuid4().hex[:8]}"
    options = ["--network=host", f"--group-add={SOCKET.stat().st_gid}", f"--volume={SOCKET}:{SOCKET}"]
    subprocess.run(["docker", "run", "--detach", f"--name={name}", *options, MACHINE], check=True, capture_output=True)
    try:
        _furnish(name, folder)
        yield name
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], check=True, capture_output=True)


def _furnish(machine: str, wheel: Path) -> None:
    """Puts in what a user of such a machine has, uv and the wheel, and what an index and a registry would give."""
    settings = wheel / ".config" / "copilot-local"
    settings.mkdir(parents=True)
    if (stand_ins := configuration_folder() / STAND_INS_NAME).is_file():
        shutil.copyfile(stand_ins, settings / STAND_INS_NAME)
    needed, tools = wheels()
    uv = _program(next(tools.glob("uv-*.whl")), "uv", wheel.parent / f"{wheel.name}-uv")
    into = {f"{wheel}/.": "/home/newcomer", f"{needed}": WHEELS, f"{tools}/.": WHEELS, f"{uv}": "/usr/local/bin/uv"}
    for source, target in into.items():
        subprocess.run(["docker", "cp", source, f"{machine}:{target}"], check=True, timeout=60)
    own = ["docker", "exec", "--user=root", machine, "chown", "-R", "newcomer", "/home/newcomer"]
    subprocess.run(own, check=True, timeout=60)


def _program(wheel: Path, name: str, target: Path) -> Path:
    """A program that a wheel holds."""
    with zipfile.ZipFile(wheel) as archive:
        [found] = [one for one in archive.namelist() if one.endswith(f".data/scripts/{name}")]
        target.write_bytes(archive.read(found))
    target.chmod(0o755)
    return target


def wheels() -> tuple[Path, Path]:
    """The locked wheels of what the project and its fixtures need, and those of uv and pip, for that Python."""
    locked = {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower(): line for line in _locked("dev.lock")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["testing"]]
    roots = [found[0] for one in needed if (found := re.match(r"[\w.-]+", one)) and found[0] != "pip"]
    names = [pinned.partition("==")[0] for pinned in pinned_closure(roots)]
    with contextlib.closing(connect()) as engine:
        architecture = engine.info().architecture
    of_project = fetch_wheels([locked[name] for name in names], architecture, "newcomer")
    return of_project, fetch_wheels(_locked("newcomer.lock"), architecture, "newcomer")


def _locked(name: str) -> list[str]:
    """The requirements of a lock, each with its hashes."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8").replace("\\\n", " ")
    return [" ".join(line.partition("#")[0].split()) for line in text.splitlines() if re.match(r"\w", line)]


@pytest.fixture
def reader(machine: str) -> Iterator[Reader]:
    made = Reader(machine)
    yield made
    made.leave()


@pytest.fixture
def follow(reader: Reader) -> Callable[[str], None]:
    """Follows a document of docs/ from its first command to its last."""

    def run(name: str) -> None:
        for step in steps(ROOT / "docs" / name):
            reader.follow(step)

    return run
