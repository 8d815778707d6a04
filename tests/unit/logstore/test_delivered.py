"""What takes a router's place writes what that had not delivered, and nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.logstore.delivered import Delivered
from tests.unit.logstore.test_records import TASK, line

FIRST, LAST = line("one", "4.000000001"), line("two", "5.900000001")


def others(folder: Path, chunk: list[str], *streams: list[str]) -> list[str]:
    for number, lines in enumerate(streams):
        (folder / f"web.{TASK}.output-{number}").write_text("".join(lines))
    return Delivered(folder / f"web.{TASK}.drained").others(chunk)


def test_what_was_delivered_everywhere_is_left_out(tmp_path: Path) -> None:
    assert others(tmp_path, [FIRST, LAST], [FIRST], [FIRST, LAST]) == [LAST]


def test_without_deliveries_there_is_all_left(tmp_path: Path) -> None:
    assert others(tmp_path, [FIRST, LAST]) == [FIRST, LAST]


@pytest.mark.parametrize("time", ["5.000000000", "5.120000000"])
def test_a_time_that_is_precise_by_chance_alone_is_known_by_what_came_before(tmp_path: Path, time: str) -> None:
    odd = line("x", time)
    assert others(tmp_path, [FIRST, odd, LAST], [FIRST, odd]) == [LAST]
    assert others(tmp_path, [FIRST, odd, odd, LAST], [FIRST, odd]) == [odd, LAST], "it died between two that look alike"
    assert others(tmp_path, [FIRST, odd, odd, LAST], [FIRST, odd, odd]) == [LAST]


def test_where_no_time_is_precise_all_is_left(tmp_path: Path) -> None:
    odd = line("x", "5.000000000")
    assert others(tmp_path, [odd, odd], [odd, odd]) == [odd, odd]
