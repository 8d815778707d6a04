"""The benchmarks themselves: every group can be had, and a row of the table says what was measured against what."""

from __future__ import annotations

from importlib import import_module

import pytest

from tests.bench.__main__ import GROUPS
from tests.bench.harness import HEADER, Figure, medians


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_has_figures(group: str) -> None:
    assert callable(import_module(f"tests.bench.{group}").figures)


def test_a_row_has_a_cell_for_every_column() -> None:
    figure = Figure("lines a second", 90, 100, "/s", "without us", 0.95, higher_is_better=True, note="3 pairs")
    assert figure.row() == "| lines a second | 90 /s | 100 /s (without us) | 0.90 | ≥ 0.95 | **no** | 3 pairs |"
    assert figure.row().count("|") == HEADER.splitlines()[0].count("|")


def test_less_is_better_where_seconds_are_measured() -> None:
    assert Figure("a start", 0.9, 1.0, "s", "theirs", 1.0).holds
    assert not Figure("a start", 1.1, 1.0, "s", "theirs", 1.0).holds


def test_a_slow_pair_counts_as_one_pair() -> None:
    """The machine is ten times slower for one pair: the ratio does not see it."""
    speeds = iter([1.0, 1.0, 10.0])
    order: list[str] = []
    current = [1.0]

    def measure(side: str, seconds: float) -> float:
        if len(order) % 2 == 0:
            current[0] = next(speeds)
        order.append(side)
        return seconds * current[0]

    ours, theirs = medians(lambda: measure("ours", 2), lambda: measure("theirs", 1), pairs=3, warm_up=False)
    assert ours / theirs == 2
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
