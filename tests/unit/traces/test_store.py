"""The store: what wins, what is kept, what goes."""

from __future__ import annotations

import threading
from pathlib import Path

from emulator.traces.store import TraceStore, note
from tests.unit.traces.spans import START, TRACE, span


def test_a_span_comes_back_as_it_was(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "t.sqlite")
    one = span("1", status=500, fault=True, detail={"http": {"request": {"url": "/ä"}}}, lost="deaf", peer_port=7)
    store.add([one])
    assert store.spans(traces=[TRACE]) == [one]


def test_a_complete_span_replaces_one_in_progress_and_never_the_other_way_round(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "t.sqlite")
    store.add([span("1", end=None)])
    store.add([span("1", name="done")])
    store.add([span("1", end=None, name="late")])
    [found] = store.spans(traces=[TRACE])
    assert (found.name, found.end) == ("done", START + 0.5)


def test_the_oldest_traces_go_whole(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "t.sqlite", most_traces=3)
    for number in range(6):
        trace = f"{number:032x}"
        store.add([span(id, trace=trace, start=START + number) for id in "12"])
    left = store.latest(10)
    assert {one.trace for one in left} == {f"{number:032x}" for number in (3, 4, 5)}
    assert len(left) == 6


def test_a_file_that_has_grown_too_large_loses_a_fifth_of_its_traces(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "t.sqlite", most_traces=1000, most_bytes=200_000)
    for number in range(1000):
        store.add([span("1", trace=f"{number:032x}", start=START + number, detail={"x": "y" * 500})])
    assert store.size() > 100_000
    assert len(store.latest(1000)) == 800
    assert store.latest(1)[0].trace == f"{999:032x}"


def test_the_latest_traces_come_with_all_their_spans(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "t.sqlite")
    store.add([span("1"), span("2", "1"), span("1", trace="a" * 32, start=START + 9)])
    assert {one.trace for one in store.latest(1)} == {"a" * 32}
    assert len(store.latest(2)) == 3
    assert store.latest(5, since=START + 5)[0].trace == "a" * 32


def test_a_trace_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "t.sqlite")
    store.add([span("1"), span("1", trace=TRACE[:8] + "f" * 24)])
    assert store.matching(TRACE[:12]) == [TRACE]
    assert len(store.matching(TRACE[:8])) == 2
    assert store.matching("00") == []


def test_notes_are_counted(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "t.sqlite")
    store.add([], [note("shop", "deaf", "first", 2)])
    store.add([], [note("shop", "deaf", "second", 3), note("web", "deaf", "other")])
    assert [(one.workload, one.text, one.count) for one in store.notes()] == [
        ("shop", "second", 5),
        ("web", "other", 1),
    ]


def test_a_store_goes_on_after_a_restart_and_a_damaged_one_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    TraceStore(path).add([span("1")])
    assert TraceStore(path).latest(1)
    damaged = tmp_path / "d.sqlite"
    damaged.write_bytes(b"no database at all" * 1000)
    store = TraceStore(damaged)
    store.add([span("1")])
    assert store.latest(1)


def test_many_threads_write_and_read_at_the_same_time(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "t.sqlite")

    def work(number: int) -> None:
        for other in range(20):
            store.add([span("1", trace=f"{number:016x}{other:016x}")])
            store.latest(5)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.latest(1000)) == 160
