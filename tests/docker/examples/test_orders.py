"""examples/orders has tests of its own: they pass, as a team would run them, and leave nothing. The how-to on traces
follows its orders."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from emulator.engine.interface import Engine
from emulator.settings_files import STAND_INS_NAME, configuration_folder
from tests.docker.docs.conftest import Reader, steps
from tests.docker.examples.orders import copy_of_orders
from tests.docker.project import free_port

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "traces.md"


def run(folder: Path, *words: str, timeout: float) -> str:
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COPILOT_"))}
    done = subprocess.run(
        words, cwd=folder, env=variables, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with this example alone, and what its images hold."""
    found = tmp_path_factory.mktemp("project")
    copy_of_orders(found / "examples" / "orders")
    return found


class Here(Reader):
    """A reader on this machine, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.port = str(free_port())
        self.app = f"docs-{uuid.uuid4().hex[:8]}"
        settings = folder / "settings" / "copilot-local"
        settings.mkdir(parents=True)
        if (stand_ins := configuration_folder() / STAND_INS_NAME).is_file():
            shutil.copyfile(stand_ins, settings / STAND_INS_NAME)
        (settings / "copilot-local.toml").write_text(f"[front]\nport = {self.port}\n", encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COPILOT_"))}
        variables = {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(folder / "settings"),
            "COPILOT_LOCAL_APP": self.app,
            "NO_COLOR": "1",
        }
        self.shell = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def test_a_reader_can_follow_the_traces_of_an_order(root: Path) -> None:
    reader = Here(root)
    try:
        for step in steps(HOW_TO):
            reader.follow(step)
    finally:
        reader.leave()


def test_the_orders_pass_their_own_tests(root: Path, engine: Engine) -> None:
    folder = root / "examples" / "orders"
    application = f"orders-{os.getpid()}"
    conftest = folder / "tests" / "conftest.py"
    options = (
        f"\n\n@pytest.fixture(scope='session')\ndef copilot_options():\n    return {{'instance': '{application}'}}\n"
    )
    conftest.write_text(conftest.read_text(encoding="utf-8") + options, encoding="utf-8")
    command = str(Path(sys.executable).with_name("copilot-local"))
    run(folder, command, "trust-workspace", "--yes", timeout=30)
    try:
        said = run(folder, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", timeout=450)
    finally:
        run(folder, command, "trust-workspace", "--revoke", timeout=30)
    assert re.search(r"\b11 passed in", said)
    assert engine.list_containers({"copilot-local.app": application}) == []
    assert engine.list_volumes({"copilot-local.app": application}) == {}
