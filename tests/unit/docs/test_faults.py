"""The table of faults and the tests of faults: each row names tests that are there, each test has its row."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCKER_TESTS = ROOT / "tests" / "docker"
ROWS = re.findall(
    r"^\| (.+) \| .+ \| (.+) \|$", (ROOT / "docs" / "fidelity" / "faults.md").read_text("utf-8"), re.MULTILINE
)[1:]


@cache
def defined(folder: Path) -> set[str]:
    """Every test that the files of a folder define."""
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in folder.rglob("test_*.py"))
    nodes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return {node.name for node in nodes if node.name.startswith("test_")}


def named(cell: str) -> set[str]:
    return set(re.findall(r"`(test_\w+)`", cell))


@pytest.mark.parametrize(("fault", "shown"), ROWS, ids=[fault for fault, _ in ROWS])
def test_each_fault_is_shown_by_tests_that_are_there(fault: str, shown: str) -> None:
    assert named(shown)
    assert named(shown) <= defined(DOCKER_TESTS)


def test_each_test_of_a_fault_is_in_the_table() -> None:
    assert defined(DOCKER_TESTS / "faults") <= set().union(*(named(shown) for _, shown in ROWS))
