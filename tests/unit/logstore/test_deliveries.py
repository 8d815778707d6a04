"""Reading what a log router delivered that died in the middle: each record once."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.logstore.deliveries import GENERATION
from emulator.logstore.store import Follower
from tests.delivered_records import read_records
from tests.unit.logstore.test_records import TASK, line, logs


def test_what_is_delivered_again_counts_once() -> None:
    lines = [line("one", "5.000000001"), line("two", "5.000000002")]
    assert logs(list(read_records([*lines, *lines, line("three", "5.000000003")]))) == ["one", "two", "three"]


def test_the_same_text_at_another_time_is_another_record() -> None:
    assert logs(list(read_records([line("x", "5.000000001"), line("x", "5.000000002")]))) == ["x", "x"]


@pytest.mark.parametrize("time", ["5.000000000", "5.120000000"])
def test_where_times_are_not_precise_both_stay(time: str) -> None:
    assert logs(list(read_records([line("x", time), line("x", time)]))) == ["x", "x"]


@pytest.mark.parametrize("time", ["5.000000000", "5.120000000"])
@pytest.mark.parametrize("twins", [1, 2])
def test_a_time_that_is_precise_by_chance_alone_makes_no_second_record(time: str, twins: int) -> None:
    first, odd, last = line("one", "4.000000001"), line("x", time), line("two", "5.900000001")
    chunk = [first, *[odd] * twins, last]
    assert logs(list(read_records([*chunk, *chunk]))) == ["one", *["x"] * twins, "two"]
    assert logs(list(read_records([*chunk, *chunk, odd]))) == ["one", *["x"] * twins, "two", "x"]
    assert logs(list(read_records([first, odd[:-9], *chunk]))) == ["one", *["x"] * twins, "two"], "torn"


@pytest.mark.parametrize("torn", [5, 30, 60, -3])
def test_a_record_behind_a_torn_one_is_read(torn: int) -> None:
    lines = [line("one", "5.000000001"), line("two", "5.000000002")[:torn] + line("two", "5.000000002")]
    found = list(read_records([*lines, line("three", "5.000000003")]))
    assert logs(found) == ["one", "two", "three"]
    assert len({record.tag for record in found}) == 1


def test_a_long_way_back_is_remembered() -> None:
    many = [line(str(number), f"5.{number:09}") for number in range(1, GENERATION + 10)]
    assert len(list(read_records([*many, *many[10:]]))) == len(many)


def test_what_is_delivered_again_after_a_rotation_counts_once(tmp_path: Path) -> None:
    again = line("one", "5.000000001")
    (tmp_path / f"web.{TASK}.web.1").write_text(again)
    (tmp_path / f"web.{TASK}.web").write_text(again + line("two", "5.000000002"))
    follower = Follower(tmp_path)
    assert [record.fields["log"] for _, record in follower.records()] == ["one", "two"]
    follower.close()
