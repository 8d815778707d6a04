"""What readers of the hub get: the last values, what is new, and how much they missed."""

from __future__ import annotations

import json
from typing import Any

from emulator.console import hub as module
from emulator.console.hub import FIRST, LIMITS, Hub

ALL = ("overview", "events", "access", "lines")


def told(lines: list[bytes]) -> list[dict[str, Any]]:
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    return [json.loads(line) for line in lines]


def test_a_value_is_told_once_and_when_it_changes() -> None:
    hub = Hub()
    hub.set("overview", {"tasks": 1})
    cursor = hub.cursor(ALL)
    assert told(hub.news(cursor)) == [{"k": "overview", "v": {"tasks": 1}}]
    hub.set("overview", {"tasks": 1})
    assert hub.news(cursor) == []
    hub.set("overview", {"tasks": 2})
    assert told(hub.news(cursor)) == [{"k": "overview", "v": {"tasks": 2}}]


def test_items_are_told_in_order_each_once() -> None:
    hub = Hub()
    hub.add("events", ["a", "b"])
    cursor = hub.cursor(ALL)
    assert told(hub.news(cursor)) == [{"k": "events", "n": 2, "v": ["a", "b"]}]
    hub.add("events", ["c"])
    assert told(hub.news(cursor)) == [{"k": "events", "n": 3, "v": ["c"]}]
    assert hub.news(cursor) == []


def test_only_kinds_that_are_asked_for_are_told() -> None:
    hub = Hub()
    hub.set("overview", 1)
    hub.add("events", [2])
    hub.add("lines", [3])
    assert [it["k"] for it in told(hub.news(hub.cursor(["lines"])))] == ["lines"]


def test_a_slow_reader_is_told_how_much_it_missed() -> None:
    hub = Hub()
    hub.add("events", ["first"])
    cursor = hub.cursor(["events"])
    hub.news(cursor)
    hub.add("events", range(LIMITS["events"] + 5))
    skipped, news = told(hub.news(cursor))
    assert skipped == {"k": "skipped", "v": {"events": 5}}
    assert news["v"] == list(range(5, LIMITS["events"] + 5))
    assert news["n"] == LIMITS["events"] + 6


def test_a_new_reader_gets_the_last_ones_and_has_missed_nothing() -> None:
    hub = Hub()
    hub.add("lines", range(FIRST["lines"] + 100))
    [news] = told(hub.news(hub.cursor(["lines"])))
    assert (news["v"][0], len(news["v"]), news["n"]) == (100, FIRST["lines"], FIRST["lines"] + 100)


def test_a_reader_that_comes_back_goes_on() -> None:
    hub = Hub()
    hub.add("events", ["a", "b", "c"])
    assert told(hub.news(hub.cursor(["events"], {"events": 2}))) == [{"k": "events", "n": 3, "v": ["c"]}]


def test_a_place_that_was_never_reached_is_no_place() -> None:
    hub = Hub()
    hub.add("events", ["a"])
    assert told(hub.news(hub.cursor(["events"], {"events": 7, "nonsense": 3})))[0]["v"] == ["a"]


def test_a_ring_is_bounded_by_bytes() -> None:
    hub = Hub()
    hub.add("lines", ["x" * (module.MOST_BYTES // 4)] * 10)
    [news] = told(hub.news(hub.cursor(["lines"])))
    assert len(news["v"]) == 3


def test_a_source_that_begins_anew_tells_nothing_twice() -> None:
    hub = Hub()
    hub.add("access", [{"n": 1}, {"n": 2}])
    hub.add("access", [{"n": 2}, {"n": 3}], known=hub.known("access"))
    assert told(hub.news(hub.cursor(["access"])))[0]["v"] == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_what_is_no_text_can_be_told() -> None:
    hub = Hub()
    hub.add("lines", ["\ud800 half of a pair", "two\nlines\u2028"])
    [news] = told(hub.news(hub.cursor(["lines"])))
    assert news["v"] == ["? half of a pair", "two\nlines\u2028"]
