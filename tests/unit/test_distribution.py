"""Tests that share something run on one worker (`tests/conftest.py`)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import beside_each_other

CONFTEST = Path(__file__).parents[1] / "conftest.py"
TESTS = """
import os
import pytest

@pytest.mark.parametrize("number", range(12))
def test_it(number):
    with open("workers-of-{name}", "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


def test_the_tests_of_a_file_without_docker_run_on_one_worker(tmp_path: Path) -> None:
    shutil.copy(CONFTEST, tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = docker: needs Docker\n")
    for name in ("one", "two"):
        (tmp_path / f"test_{name}.py").write_text(TESTS.replace("{name}", name))
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    workers = [set((tmp_path / f"workers-of-{name}").read_text().split()) for name in ("one", "two")]
    assert [len(found) for found in workers] == [1, 1]
    assert workers[0] != workers[1]


def test_files_that_wait_run_beside_those_that_compute() -> None:
    order = (
        "docker/test_a",
        "stacks/test_b",
        "stacks/test_c",
        "unit/agent/test_d",
        "unit/api/test_e",
        "unit/agent/test_f",
    )
    tests = [f"tests/{file}.py::test_{number}" for file in order for number in (1, 2)]
    found = beside_each_other(tests, str)
    files = [test.partition(".py")[0].removeprefix("tests/") for test in found[::2]]
    assert files == [order[0], order[1], order[3], order[2], order[5], order[4]]
    assert sorted(found) == sorted(tests)
    assert [test[-1] for test in found] == ["1", "2"] * len(order)
