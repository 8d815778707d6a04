"""The routed records, through the control socket as `logs --routed` gets them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.agent.api.records import LEAST_ROOM, is_full, keep_below
from emulator.logstore.records import Record, format_record
from tests.unit.agent.rig import Rig
from tests.unit.runtime.world import desired_state, make_service

Until = Callable[[Callable[[], object]], None]
SECONDS = 1_795_348_800


def write(folder: Path, file: str, *lines: tuple[int, str]) -> None:
    with (folder / file).open("a", encoding="utf-8") as out:
        out.writelines(format_record(Record("tag", (SECONDS + at) * 10**9, {"log": text})) for at, text in lines)


@pytest.fixture
def stored(rig: Rig) -> Rig:
    rig.boot(desired_state(make_service()))
    write(rig.logs, "hello.aaaa.hello", (0, "first"), (2, "third"))
    write(rig.logs, "web.bbbb.web", (1, "second"))
    return rig


def texts(found: Any) -> list[str]:
    return [record["record"]["log"] for record in found]


def test_records_of_all_services_come_by_their_time(stored: Rig) -> None:
    found = list(stored.agent.records(follow=False, services=[]))
    assert texts(found) == ["first", "second", "third"]
    assert {key: found[1][key] for key in ("service", "task", "stream", "tag", "time")} == {
        "service": "web",
        "task": "bbbb",
        "stream": "web",
        "tag": "tag",
        "time": "2026-11-22T12:00:01.000+00:00",
    }


def test_records_of_one_service(stored: Rig) -> None:
    assert texts(stored.agent.records(follow=False, services=["web"])) == ["second"]


def test_a_long_line_comes_in_parts_as_destinations_get_it_unless_they_are_joined(stored: Rig) -> None:
    parts = {"partial_message": "true", "partial_id": "x"}
    with (stored.logs / "api.dddd.api").open("a", encoding="utf-8") as file:
        for number, (text, last) in enumerate((("aa", "false"), ("b", "true")), start=1):
            fields = {**parts, "partial_ordinal": str(number), "partial_last": last, "log": text}
            file.write(format_record(Record("tag", SECONDS * 10**9, fields)))
    assert texts(stored.agent.records(follow=False, services=["api"])) == ["aa", "b"]
    [joined] = stored.agent.records(follow=False, services=["api"], join=True)
    assert joined["record"] == {"log": "aab"}


def test_the_last_ones_of_each_stream(stored: Rig) -> None:
    assert texts(stored.agent.records(follow=False, services=[], tail=1)) == ["second", "third"]
    assert texts(stored.agent.records(follow=False, services=[], tail=0)) == []
    following = stored.agent.records(follow=True, services=["hello"], tail=1)
    assert texts([next(following)]) == ["third"]
    write(stored.logs, "hello.aaaa.hello", (5, "fifth"), (6, "sixth"))
    assert texts([next(following), next(following)]) == ["fifth", "sixth"]
    following.close()  # type: ignore[attr-defined]


def test_following_gives_what_comes_later_too_until_the_other_end_leaves(stored: Rig, until: Until) -> None:
    threads = set(threading.enumerate())
    following = stored.agent.records(follow=True, services=["hello"])
    assert texts([next(following), next(following)]) == ["first", "third"]
    write(stored.logs, "hello.cccc.hello", (3, "fourth"))
    assert texts([next(following)]) == ["fourth"]
    following.close()  # type: ignore[attr-defined]
    until(lambda: set(threading.enumerate()) <= threads)


def test_a_damaged_line_is_left_out(stored: Rig) -> None:
    with (stored.logs / "hello.aaaa.hello").open("a") as file:
        file.write("tag: [12, {half\n")
    write(stored.logs, "hello.aaaa.hello", (4, "after"))
    assert texts(stored.agent.records(follow=False, services=["hello"])) == ["first", "third", "after"]


@pytest.mark.parametrize(("room", "full"), [(LEAST_ROOM, False), (LEAST_ROOM - 1, True)])
def test_a_log_store_without_room_is_part_of_the_status(
    stored: Rig, monkeypatch: pytest.MonkeyPatch, room: int, full: bool
) -> None:
    monkeypatch.setattr("emulator.agent.api.records.os.statvfs", lambda _: SimpleNamespace(f_bavail=room, f_frsize=1))
    assert stored.agent.status()["log_store_full"] is full


def test_a_log_store_that_is_not_there_is_not_full(tmp_path: Path) -> None:
    assert not is_full(tmp_path / "none")


def test_nothing_is_removed_before_the_limit_is_known(tmp_path: Path) -> None:
    (tmp_path / "hello.aaaa.web").write_bytes(b"x" * 10_000)
    keep_below(tmp_path, 0)
    assert list(tmp_path.iterdir()) != []
    keep_below(tmp_path, 1)
    assert list(tmp_path.iterdir()) == []
