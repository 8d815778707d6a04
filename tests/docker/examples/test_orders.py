"""examples/orders has tests of its own: they pass, as a team would run them, and leave nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.engine.interface import Engine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

ORDERS = Path(__file__).parents[3] / "examples" / "orders"
FETCHED = ("__pycache__", "packages", "node_modules")


def run(folder: Path, *words: str, timeout: float) -> str:
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COPILOT_"))}
    done = subprocess.run(
        words, cwd=folder, env=variables, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_orders_pass_their_own_tests(tmp_path: Path, engine: Engine) -> None:
    folder = tmp_path / "orders"
    shutil.copytree(ORDERS, folder, ignore=shutil.ignore_patterns(*FETCHED))
    run(folder, "make", "packages", f"PYTHON={sys.executable}", timeout=400)
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
    assert re.search(r"\b10 passed in", said)
    assert engine.list_containers({"copilot-local.app": application}) == []
    assert engine.list_volumes({"copilot-local.app": application}) == {}
