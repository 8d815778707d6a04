"""The tables of docs/ecs-behaviour.md name a test for every rule, and each test is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "ecs-behaviour.md"
NAMED = re.compile(r"`((?:unit|docker|stacks)/[\w/]+\.py)(?:::([\w:]+))?`")


def rows() -> list[str]:
    """The rows of the tables, without their heads."""
    lines = [*DOCUMENT.read_text(encoding="utf-8").splitlines(), ""]
    return [line for line, below in pairwise(lines) if line.startswith("| ") and not below.startswith("|---")]


@cache
def names_of(file: Path) -> frozenset[str]:
    """The tests in a file, `Class::test` or `test`."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return frozenset(name for name in found if name.rpartition("::")[2].startswith("test_"))


def test_every_rule_has_a_test_that_is_there() -> None:
    assert len(rows()) > 70
    for row in rows():
        named = NAMED.findall(row.rpartition(" | ")[2])
        assert named, f"no test: {row}"
        for path, test in named:
            file = ROOT / "tests" / path
            assert file.is_file(), f"no such file: {path}"
            assert not test or test in names_of(file), f"no such test: {path}::{test}"


def test_all_twenty_five_have_their_row() -> None:
    numbered = [re.findall(r"\d+", found[1]) for row in rows() if (found := re.match(r"\| ([\d, ]+) \|", row))]
    assert [int(number) for numbers in numbered for number in numbers] == list(range(1, 26))
