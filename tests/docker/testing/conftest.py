"""pytest run in pytest: a workspace of its own, test files written by the test, and what is left in Docker after."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.engine.interface import Engine
from tests.docker.project import built_for

TIMEOUT = 240.0
HELLO = "copilot/hello/manifest.yml"
WITHOUT = ("-p", "no:hypothesispytest", "-p", "no:anyio")
"""Plugins of our own suite, whose imports take half of a start's time."""
MANIFEST = r"""
name: hello
type: Load Balanced Web Service
image: {location: busybox:1.37, port: 3000}
http: {path: api, healthcheck: /api/health-check}
command:
  - sh
  - -c
  - |
    trap 'echo stopping; exit 0' TERM
    cat > /answer << 'END'
    #!/bin/sh
    read -r method target version
    while read -r line && [ "$line" != "$(printf '\r')" ]; do :; done
    [ "$target" = /api/health-check ] || echo "$method $target" > /proc/1/fd/1
    printf 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nok\n'
    END
    chmod +x /answer
    case "$(nc --help 2>&1)" in *-ll*) listen=-ll ;; *) listen=-lk ;; esac
    nc $listen -p 3000 -e /answer & wait
"""
"""A service that says which requests it gets. Two builds of BusyBox spell "go on listening" in two ways."""
SILENT = r"""
name: hello
type: Load Balanced Web Service
image: {location: busybox:1.37, port: 3000}
http: {path: api}
command: [sh, -c, "trap 'exit 0' TERM; sleep 3600 & wait"]
"""
"""One that never listens, and so is never healthy."""
ENDS = "[ ${ENDS} = no ] || { echo no configuration; exit 7; }"
"""A line of its command with which it ends at once, if it is to."""


@dataclass(frozen=True)
class Ran:
    """How a run of pytest ended."""

    code: int
    out: str

    def counts(self) -> dict[str, int]:
        """`{"passed": 2, "failed": 1}`, from the last line."""
        found = re.findall(r"(\d+) (passed|failed|errors?|skipped)", self.out.splitlines()[-1])
        return {word.removesuffix("s"): int(number) for number, word in found}

    def report_of(self, test: str) -> Ran:
        """What was printed of a failed test."""
        match = re.search(rf"^_+ {re.escape(test)} _+\n(.*?)(?=^=+ |^_+ \w+ _+$|\Z)", self.out, re.M | re.S)
        assert match, f"no report of {test} in:\n{self.out}"
        return Ran(self.code, match[1])

    def section(self, title: str) -> str:
        """The text below the heading that begins with `title`, to the next heading."""
        match = re.search(rf"^-+ {re.escape(title)}.*? -+\n(.*?)(?=^-{{5,}} |^=+ |^_+ |\Z)", self.out, re.M | re.S)
        assert match, f"no section {title!r} in:\n{self.out}"
        return match[1]


class Suite:
    """A workspace of one service, with tests in it; its application has a name of its own."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self.engine = engine
        self.app = built_for(f"cl-test-{uuid.uuid4().hex[:8]}")
        (folder / "copilot" / "hello").mkdir(parents=True)
        self.write(MANIFEST, HELLO)
        self.write(f"application: {self.app}\n", "copilot/.workspace")
        self.write("[pytest]\n", "pytest.ini")
        self.processes: list[subprocess.Popen[str]] = []

    def write(self, text: str, name: str = "test_it.py") -> None:
        (self.folder / name).write_text(textwrap.dedent(text), encoding="utf-8")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`pytest …`, in a process group of its own, as a shell starts it."""
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *WITHOUT, *arguments],
            cwd=self.folder,
            env=self._variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def run(self, *arguments: str) -> Ran:
        return self.ended(self.start(*arguments))

    def ended(self, process: subprocess.Popen[str]) -> Ran:
        out, _ = process.communicate(timeout=TIMEOUT)
        return Ran(process.returncode, out)

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Waits until something holds; fails with the output where pytest ends before."""
        deadline = time.monotonic() + TIMEOUT
        while not holds():
            for process in self.processes:
                assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, f"{what}: not within {TIMEOUT:g} s"
            time.sleep(0.1)

    def said(self, name: str) -> str:
        """What a test wrote into a file of the workspace; empty until it did."""
        file = self.folder / name
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def forget(self, name: str) -> None:
        """Removes such a file, and processes that have ended."""
        (self.folder / name).unlink()
        for process in [one for one in self.processes if one.poll() is not None]:
            process.communicate()
            self.processes.remove(process)

    def instances(self) -> set[str]:
        """Names of the copies of the application that Docker has anything of."""
        found = {row.labels.get("copilot-local.app", "") for row in self.engine.list_containers({})}
        found |= {labels.get("copilot-local.app", "") for labels in self.engine.list_volumes({}).values()}
        return {name for name in found if name.startswith(self.app)}

    def clean_up(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        from emulator.runtime.lifecycle.down import down
        from emulator.runtime.state.names import Names

        for instance in self.instances():
            down(self.engine, Names(instance, "test"), lambda event: None, volumes=True, timeout=1)

    def _variables(self) -> dict[str, str]:
        # What this very run of pytest sets is nothing that its child should see.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COPILOT_"))}
        return {**kept, "NO_COLOR": "1", "COLUMNS": "100"}


@pytest.fixture
def suite(tmp_path: Path, engine: Engine) -> Iterator[Suite]:
    made = Suite(tmp_path / "workspace", engine)
    yield made
    made.clean_up()
