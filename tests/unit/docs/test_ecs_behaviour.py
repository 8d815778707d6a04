"""The tables of docs/fidelity/ecs-behaviour.md name a test for every rule, and each test is there."""

from __future__ import annotations

import re

from tests.unit.docs.named_tests import ROOT, missing_tests, rows

DOCUMENT = ROOT / "docs" / "fidelity" / "ecs-behaviour.md"


def test_every_rule_has_a_test_that_is_there() -> None:
    assert len(rows(DOCUMENT)) > 70
    assert [problem for row in rows(DOCUMENT) for problem in missing_tests(row)] == []


def test_all_twenty_five_have_their_row() -> None:
    numbered = [re.findall(r"\d+", found[1]) for row in rows(DOCUMENT) if (found := re.match(r"\| ([\d, ]+) \|", row))]
    assert [int(number) for numbers in numbered for number in numbers] == list(range(1, 26))
