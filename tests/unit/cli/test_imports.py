"""What each command imports: one that only looks imports neither the Docker SDK nor a model of anything."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.runtime.control import direct
from emulator.runtime.state.desired import Private
from tests.unit.agent.rig import Rig
from tests.unit.runtime.world import DEMO, desired_state, make_service

HOST = "unix:///nowhere/docker.sock"
HEAVY = {
    *("cryptography", "docker", "http.client", "pydantic", "requests", "rich", "ssl", "urllib3", "yaml"),
    *("emulator.compiler", "emulator.firelens", "emulator.frontdoor", "emulator.manifest", "emulator.settings"),
    *("emulator.engine.interface", "emulator.runtime.planning", "emulator.runtime.specs", "emulator.setup"),
}
"""What takes long to import."""
TABLE = {"--version": 35, "--help": 40, "ps": 75, "targets": 75, "logs": 65}
"""Command to the most modules that it may import beside those that come with Typer, where an agent answers."""
PROBE = """
import sys
import typer
typers = set(sys.modules)
from emulator.cli.main import main
sys.argv = ["copilot-local", *{arguments!r}]
code = main()
print(repr((int(code), sorted(set(sys.modules) - typers))))
"""


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    """Where a command finds an agent that answers, and no Docker."""
    folder = Path(tempfile.mkdtemp(prefix="cl-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        rig = Rig(folder)
        made = direct.make_folder(DEMO, replace(rig.engine.info(), host=HOST, shares_folders=True))
        assert made is not None
        (made / direct.SOCKET).symlink_to(rig.socket)
        supervisor = rig.boot(desired_state(make_service()))
        rig.agent.hold(Private()).hand_over()
        supervisor.look()
        rig.engine.print_line(rig.container("hello"), "good morning")
        manifest = folder / "work" / "copilot" / "hello" / "manifest.yml"
        manifest.parent.mkdir(parents=True)
        manifest.touch()
        (manifest.parents[1] / ".workspace").write_text(f"application: {DEMO.app}\n", encoding="utf-8")
        yield {**os.environ, "DOCKER_HOST": HOST, "WORKSPACE": str(folder / "work")}
        rig.close()
    shutil.rmtree(folder)


@pytest.mark.parametrize("command", TABLE)
def test_a_command_that_only_looks_imports_little(command: str, variables: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROBE.format(arguments=[command])],
        env=variables, cwd=variables["WORKSPACE"], capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    *printed, last = ended.stdout.splitlines()
    code, modules = ast.literal_eval(last)
    assert (code, bool(printed)) == (0, True), ended.stderr
    assert HEAVY.isdisjoint(modules)
    assert len(modules) <= TABLE[command], modules


def test_down_reads_labels_and_no_models() -> None:
    """Importing Pydantic and the ECS model takes longer than the rest of the command."""
    script = "import sys, emulator.cli.run.down, emulator.runtime.lifecycle.down; print('pydantic' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == "False"
