"""The how-to on traces follows an order of examples/orders. The example's own tests pass in the environment that the
how-to brings up, as a team would run them beside their work, and its `down` leaves nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from emulator.engine.interface import Engine
from emulator.settings_files import STAND_INS_NAME, configuration_folder
from tests.docker.docs.conftest import Reader, Step, steps
from tests.docker.examples.orders import copy_of_orders
from tests.docker.project import built_for, free_port
from tests.docker.testing.conftest import WITHOUT

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "traces.md"
OPTIONS = """

@pytest.fixture(scope="session")
def copilot_options():
    return {{"app": "{app}"}}
"""
"""The application has another name for the reader, and so it must for the tests."""


class Here(Reader):
    """A reader on this machine, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.port = str(free_port())
        self.app = built_for(f"docs-{uuid.uuid4().hex[:8]}")
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


def test_a_reader_can_follow_the_traces_of_an_order_and_run_the_tests_of_the_example(
    tmp_path: Path, engine: Engine
) -> None:
    folder = copy_of_orders(tmp_path / "examples" / "orders")
    *until_here, end = steps(HOW_TO)
    assert end.command == "copilot-local down -v"
    reader = Here(tmp_path)
    with (folder / "tests" / "conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(OPTIONS.format(app=reader.app))
    try:
        for step in until_here:
            reader.follow(step)
        command = f"pytest --copilot-reuse -p no:cacheprovider {' '.join(WITHOUT)}"
        reader.follow(Step(0, command, ("…= 11 passed in …",)))
        reader.follow(end)
        labels = {"copilot-local.app": reader.app}
        assert engine.list_containers(labels) == []
        assert engine.list_volumes(labels) == {}
    finally:
        reader.leave()
