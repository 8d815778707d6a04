"""The tests that a table of docs/ names, each in the last column of its row."""

from __future__ import annotations

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[3]
NAMED = re.compile(r"`((?:unit|docker|stacks|browser)/[\w/]+\.py)(?:::([\w:]+))?`")


def rows(document: Path) -> list[str]:
    """The rows of the document's tables, without their heads."""
    lines = [*document.read_text(encoding="utf-8").splitlines(), ""]
    return [line for line, below in pairwise(lines) if line.startswith("| ") and not below.startswith("|---")]


def missing_tests(row: str) -> list[str]:
    """What is wrong with the tests that a row names: none is named, or one is not there."""
    named = NAMED.findall(row.rpartition(" | ")[2])
    if not named:
        return [f"no test: {row}"]
    found = []
    for path, test in named:
        file = ROOT / "tests" / path
        if not file.is_file():
            found.append(f"no such file: {path}")
        elif test and test not in _names_of(file):
            found.append(f"no such test: {path}::{test}")
    return found


@cache
def _names_of(file: Path) -> frozenset[str]:
    """The tests in a file, `Class::test` or `test`."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return frozenset(name for name in found if name.rpartition("::")[2].startswith("test_"))
