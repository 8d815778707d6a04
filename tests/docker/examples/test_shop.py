"""examples/shop has tests of its own, on the plugin: they pass, as a team would run them, and leave nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.engine.interface import Engine
from tests.docker.testing.conftest import WITHOUT

pytestmark = pytest.mark.docker

SHOP = Path(__file__).parents[3] / "examples" / "shop"


def test_the_shop_passes_its_own_tests(tmp_path: Path, engine: Engine) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(SHOP, folder, ignore=shutil.ignore_patterns("__pycache__"))
    application = f"shop-{os.getpid()}"
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COPILOT_"))}
    conftest = folder / "tests" / "conftest.py"
    options = (
        f"\n\n@pytest.fixture(scope='session')\ndef copilot_options():\n    return {{'instance': '{application}'}}\n"
    )
    conftest.write_text(conftest.read_text(encoding="utf-8") + options, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *WITHOUT, "--junitxml", "report.xml"],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b7 passed in", done.stdout)
    assert 'tests="7"' in (folder / "report.xml").read_text(encoding="utf-8")
    assert engine.list_containers({"copilot-local.app": application}) == []
    assert engine.list_volumes({"copilot-local.app": application}) == {}
