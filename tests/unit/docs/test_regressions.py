"""docs/fidelity/regressions.md names a test for every fault that use has found, and each test is there."""

from __future__ import annotations

import re

from tests.unit.docs.named_tests import ROOT, missing_tests, rows

DOCUMENT = ROOT / "docs" / "fidelity" / "regressions.md"
TABLES = {"A": 21, "B": 25, "C": 51, "D": 9, "E": 60, "F": 17, "G": 20}


def test_every_fault_has_a_test_that_is_there() -> None:
    assert [problem for row in rows(DOCUMENT) for problem in missing_tests(row)] == []


def test_every_fault_has_its_row() -> None:
    ids = {found[1] for row in rows(DOCUMENT) if (found := re.match(r"\| ([A-G]\d+) \|", row))}
    assert ids == {f"{table}{number}" for table, count in TABLES.items() for number in range(1, count + 1)}
