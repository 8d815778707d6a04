from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.ecs.identity import task_identity
from emulator.firelens.local import record_file
from emulator.logstore.records import Record, RecordFile, format_record, parse_record
from emulator.logstore.store import Follower, bound, record_files, rotate
from tests.delivered_records import read_records

TASK = "0123456789abcdef0123456789abcdef"
TAG = f"web-firelens-{TASK}"


def line(text: str, time: str = "1795392235.386039454") -> str:
    return f'{TAG}: [{time}, {{"source":"stdout","log":"{text}","ecs_cluster":"demo"}}]\n'


def part(text: str, ordinal: int, last: bool, identifier: str = "a2f4") -> str:
    end = "true" if last else "false"
    return (
        f'{TAG}: [1795392235.387521254, {{"partial_message":"true","partial_id":"{identifier}",'
        f'"partial_ordinal":"{ordinal}","partial_last":"{end}","source":"stdout","log":"{text}"}}]\n'
    )


def logs(records: list[Record]) -> list[object]:
    return [record.fields["log"] for record in records]


def test_a_line_of_fluent_bits_file_output_is_a_record() -> None:
    [record] = read_records([line("hello: [1, {}]")])
    assert record.tag == TAG
    assert record.time_ns == 1795392235386039454
    assert record.time.isoformat() == "2026-11-23T00:03:55.386039+00:00"
    assert record.fields == {"source": "stdout", "log": "hello: [1, {}]", "ecs_cluster": "demo"}


def test_what_is_written_is_read_back() -> None:
    record = Record(TAG, 1795392235000000007, {"log": 'quote " and é', "n": 1})
    assert parse_record(format_record(record)) == record


def test_damaged_lines_are_left_out() -> None:
    damaged = [line("cut")[:60], "\n", f"{TAG}: [1795392235.1, {{not json}}]\n"]
    assert logs(list(read_records([*damaged, line("whole")]))) == ["whole"]


def test_parts_of_a_long_line_are_joined_though_others_come_between() -> None:
    lines = [part("aa", 1, False), part("x", 1, False, "other"), part("bb", 2, False), line("between")]
    lines += [part("cc", 3, True), part("y", 2, True, "other")]
    records = list(read_records(lines))
    assert logs(records) == ["between", "aabbcc", "xy"]
    assert records[1].fields == {"source": "stdout", "log": "aabbcc"}
    assert len(list(read_records(lines, join=False))) == len(lines)


def test_a_last_line_without_an_end_is_not_lost() -> None:
    assert logs(list(read_records([line("first"), part("tail", 1, False)]))) == ["first", "tail"]


@pytest.mark.parametrize("stream", ["web", "output-1", "firelens_log_router"])
def test_names_of_files_say_what_the_router_was_told(stream: str) -> None:
    name = record_file("hello", task_identity(cluster="c", family="f", task_id=TASK), stream)
    assert RecordFile.parse(name) == RecordFile("hello", TASK, stream)
    assert RecordFile.parse(f"{name}.2") == RecordFile("hello", TASK, stream, 2)
    assert RecordFile("hello", TASK, stream, 2).name == f"{name}.2"


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    for name in ("README", "a.b", "a.b.c.d", f"hello.{TASK}.web"):
        (tmp_path / name).write_text("")
    assert [path.name for _, path in record_files(tmp_path)] == [f"hello.{TASK}.web"]


def test_rotation_keeps_the_newest_and_their_order(tmp_path: Path) -> None:
    current = tmp_path / f"hello.{TASK}.web"
    for number in range(5):
        current.write_text(line(f"line {number}"))
        rotate(tmp_path, max_bytes=10, keep=3)
    current.write_text(line("line 5"))
    found = [record for _, path in record_files(tmp_path) for record in read_records(path)]
    assert logs(found) == ["line 2", "line 3", "line 4", "line 5"]


def test_a_small_file_is_not_rotated(tmp_path: Path) -> None:
    (tmp_path / f"hello.{TASK}.web").write_text(line("one"))
    assert rotate(tmp_path, max_bytes=1000, keep=1) == []
    assert [path.name for path in tmp_path.iterdir()] == [f"hello.{TASK}.web"]


def test_a_follower_gives_each_record_once_through_growth_and_rotation(tmp_path: Path) -> None:
    current = tmp_path / f"hello.{TASK}.web"
    follower = Follower(tmp_path, join=True)
    assert list(follower.records()) == []
    whole = line("second")
    current.write_text(line("first") + whole[:40])
    assert logs([record for _, record in follower.records()]) == ["first"]
    with current.open("a") as file:
        file.write(whole[40:] + line("third"))
    rotate(tmp_path, max_bytes=10, keep=1)
    current.write_text(line("fourth", "1795392236.0"))
    assert logs([record for _, record in follower.records()]) == ["second", "third", "fourth"]
    assert list(follower.records()) == []
    with current.open("a") as file:
        file.write(part("tail", 1, False))
    assert list(follower.records()) == []
    assert logs([record for _, record in follower.close()]) == ["tail"]


def test_a_follower_gives_the_parts_of_a_long_line_as_destinations_get_them(tmp_path: Path) -> None:
    (tmp_path / f"hello.{TASK}.web").write_text(part("aa", 1, False) + part("b", 2, True))
    follower = Follower(tmp_path)
    assert logs([record for _, record in follower.records()]) == ["aa", "b"]
    assert follower.close() == []


def test_a_follower_may_choose_its_files(tmp_path: Path) -> None:
    (tmp_path / f"hello.{TASK}.web").write_text(line("one"))
    (tmp_path / f"api.{TASK}.web").write_text(line("other"))
    follower = Follower(tmp_path, lambda file: file.service == "hello")
    [(file_name, record)] = follower.records()
    assert (file_name.service, record.fields["log"]) == ("hello", "one")
    follower.close()


def test_a_removed_file_gives_what_was_left_of_it(tmp_path: Path) -> None:
    current = tmp_path / f"hello.{TASK}.web"
    current.write_text(part("aa", 1, False))
    follower = Follower(tmp_path, join=True)
    assert list(follower.records()) == []
    current.unlink()
    assert logs([record for _, record in follower.records()]) == ["aa"]
    follower.close()


def test_a_store_past_its_limit_loses_the_oldest_first(tmp_path: Path) -> None:
    def write(name: str, size: int, moment: float) -> None:
        (tmp_path / name).write_bytes(b"x" * size)
        os.utime(tmp_path / name, (moment, moment))

    write("hello.t1.web", 6000, 1)
    write("hello.t2.web.1", 5000, 2)
    write("hello.t2.web", 5000, 3)
    (tmp_path / "notes.txt").write_bytes(b"x" * 50_000)
    removed = bound(tmp_path, 16_000 * 16)
    assert removed == []
    assert [path.name for path in bound(tmp_path, 11_000)] == ["hello.t1.web.1"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hello.t2.web.1", "hello.t2.web.2", "notes.txt"]
