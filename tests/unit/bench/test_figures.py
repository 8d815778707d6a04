"""The benchmarks themselves: every group can be had, and a row of the table says what was measured against what."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from emulator.frontdoor.access_log import frontend_log_lines
from tests.bench.__main__ import GROUPS
from tests.bench.front import by_hand, parse
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


def test_the_file_written_by_hand_has_our_log_and_the_service() -> None:
    text = by_hand("172.18.0.3:80", 8080)
    assert "server one 172.18.0.3:80 check" in text
    assert "%[var(txn.host)]:8080'" in text
    assert "\n".join(f"  {line}" for line in frontend_log_lines(secure=False)) in text
    assert not re.search(r"\b(TARGET|PORT|LOG|RECORDS)\b", text)


def test_what_the_load_generator_prints_is_read() -> None:
    printed = "    99%  812.00us\n  24918 requests in 3.00s\nRequests/sec:   8301.50\n"
    load = parse(printed)
    assert load.rate == 8301.5
    assert load.slowest == pytest.approx(0.000812)
    with pytest.raises(RuntimeError, match="something else"):
        parse("unable to connect")
