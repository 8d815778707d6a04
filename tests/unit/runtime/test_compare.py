"""Lines that containers printed against the records at each destination."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator.engine.interface import Container, ContainerState
from emulator.runtime.reports.compare import Arrivals, Comparison, Pending, Printed, compare
from emulator.runtime.state import names
from emulator.runtime.state.names import Role
from emulator.runtime.state.observed import Member, Observed, Task

BORN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TASK_ID = "0" * 31 + "1"
OLD_TASK_ID = "0" * 31 + "2"
OWN: Any = ("web", "cloudwatch", "capture", [["Match", "web-firelens*"]], [])
EVERYTHING: Any = ("output-1", "http", "capture", [["Match", "*"]], [])
AUDIT: Any = ("output-2", "http", "capture", [["Match", "audit"]], [])
IN_AWS: Any = ("web", "cloudwatch_logs", "local-aws", [["Match", "web-firelens*"]], [["log_group_name", "/shop"]])
LATER = BORN + timedelta(hours=1)


def moment(number: int) -> datetime:
    return BORN + timedelta(milliseconds=number)


def text_of(number: int) -> str:
    return moment(number).isoformat(timespec="milliseconds")


def member(
    name: str, role: str = "", state: ContainerState = ContainerState.EXITED, labels: Mapping[str, str] | None = None
) -> Member:
    every = {names.CONTAINER: name, names.ROLE: role, names.LOG_ROUTER: "" if role else "log_router", **(labels or {})}
    return Member(Container(f"docker-{name}", name, "web:1", state, "Up", every, BORN))


def task(*outputs: Any, others: tuple[str, ...] = (), running: bool = False) -> Task:
    router = member("log_router", Role.ROUTER, labels={names.LOG_OUTPUTS: json.dumps({"destinations": outputs})})
    state = ContainerState.RUNNING if running else ContainerState.EXITED
    members = [member(name, state=state, labels={"container_id": f"id-{name}"}) for name in ("web", *others)]
    return Task(TASK_ID, "hello", "", "1", members={one.name: one for one in (router, *members)})


def record(number: int, text: str | None, *, of: str = "web", stream: str = "web", **more: Any) -> dict[str, Any]:
    """A record of the log store; `group` makes it one of CloudWatch Logs."""
    fields: dict[str, Any] = {"container_id": f"id-{of}"} if of else {}
    if text is not None:
        fields["log"] = text
    told = {"task": TASK_ID, "tag": f"{of}-firelens-{TASK_ID}", "stream": stream, "time": text_of(number)}
    return {**told, "record": fields, **more}


def compared(
    lines: list[str],
    records: list[dict[str, Any]],
    outputs: tuple[Any, ...] = (OWN,),
    *,
    options: dict[str, Any] | None = None,
    filters: tuple[str, ...] = (),
    others: tuple[str, ...] = (),
    running: bool = False,
    now: datetime = LATER,
) -> list[Comparison]:
    """Lines that were printed a millisecond apart, an hour ago."""
    whole = task(*outputs, others=others, running=running)
    observed = Observed([], tasks={whole.id: whole})
    printed = tuple((text_of(number), text) for number, text in enumerate(lines))
    found = compare(
        Printed(whole, whole.members["web"], printed, options or {}, filters),
        Arrivals(observed, records),
        Pending(1.0, now),
    )
    for one in found:
        one.cause = "a cause" if one.lost else ""
    return found


def words(*arguments: Any, **more: Any) -> list[str]:
    return [f"{one.destination}: {one}" for one in compared(*arguments, **more)]


def test_every_line_with_its_record() -> None:
    assert words(["a", "b"], [record(0, "a"), record(1, "b")]) == ["web: 2 lines in, 2 records out"]


def test_a_line_without_a_record_is_missing() -> None:
    assert words(["a", "b", "c"], [record(0, "a")]) == ["web: 3 lines in, 1 records out; 2 missing: a cause"]


def test_a_line_that_a_pattern_drops_is_not_missing() -> None:
    options = {"exclude-pattern": "^GET /health", "include-pattern": "GET|POST"}
    [found] = compared(["GET /health", "POST /", "noise"], [record(1, "POST /")], options=options)
    assert dict(found.dropped) == {"matched by exclude-pattern": 1, "not matched by include-pattern": 1}
    assert found.lost == 0
    assert "1 dropped: matched by exclude-pattern" in str(found)


def test_a_record_with_another_text_is_a_changed_line() -> None:
    found = words(["a", '{"x": 1}'], [record(0, "a"), record(1, None)])
    assert found == ["web: 2 lines in, 2 records out; 1 changed by filters"]


def test_a_record_with_the_time_that_a_parser_found_in_the_line_is_a_changed_line() -> None:
    found = words(["a", "b"], [record(0, "a"), record(-5000, "b")], filters=("parser",))
    assert found == ["web: 2 lines in, 2 records out; 1 changed by filters"]


def test_a_copy_is_one_record_more() -> None:
    assert words(["a"], [record(0, "a"), record(0, "a")]) == [
        "web: 1 lines in, 2 records out; 1 records more than lines"
    ]


def test_equal_lines_of_one_moment_are_counted_apart() -> None:
    whole = task(OWN)
    printed = Printed(whole, whole.members["web"], ((text_of(0), "x"),) * 3)
    arrivals = Arrivals(Observed([], tasks={whole.id: whole}), [record(0, "x")] * 2)
    [found] = compare(printed, arrivals, Pending(1.0, LATER))
    assert (found.records_out, found.lost) == (2, 1)


class TestDestinations:
    def test_two_outputs_that_take_the_same_records_are_counted_apart(self) -> None:
        records = [record(0, "a"), record(1, "b"), record(0, "a", stream="output-1")]
        assert words(["a", "b"], records, (OWN, EVERYTHING)) == [
            "web: 2 lines in, 2 records out",
            "output-1: 2 lines in, 1 records out; 1 missing: a cause",
        ]

    def test_a_destination_that_got_nothing_is_told_of(self) -> None:
        assert words(["a"], [record(0, "a")], (OWN, EVERYTHING)) == [
            "web: 1 lines in, 1 records out",
            "output-1: 1 lines in, 0 records out; 1 missing: a cause",
        ]

    def test_records_with_another_tag_went_to_another_destination(self) -> None:
        records = [record(0, "audit 1", stream="output-2", tag="audit"), record(1, "web 1")]
        assert words(["audit 1", "web 1"], records, (OWN, AUDIT)) == [
            "web: 2 lines in, 1 records out; 1 went to another destination",
            "output-2: 2 lines in, 1 records out; 1 went to another destination",
        ]

    def test_an_output_for_other_tags_that_got_nothing_is_no_destination_of_the_container(self) -> None:
        assert words(["a"], [record(0, "a")], (OWN, AUDIT)) == ["web: 1 lines in, 1 records out"]

    def test_a_destination_that_cannot_be_read_says_so(self) -> None:
        live: Any = ("web", "datadog", "live", [["Match", "web-firelens*"]], [])
        assert words(["a"], [], (live,)) == ["web: 1 lines in; what arrives cannot be counted here"]

    def test_what_was_stored_past_the_router_is_not_missing(self) -> None:
        found = words(["a", "b"], [record(0, "a"), record(1, "b", stream="drained")])
        assert found == ["web: 2 lines in, 1 records out; 1 stored unfiltered: the log router had stopped"]


class TestIdentity:
    def test_the_same_line_of_another_container_is_another_record(self) -> None:
        records = [record(0, "ok", of="worker", stream="output-1")]
        [found] = compared(["ok"], records, (EVERYTHING,), others=("worker",))
        assert (found.records_out, found.lost) == (0, 1)

    @pytest.mark.parametrize("of", ["web", ""], ids=["with its id", "with nothing but its text"])
    def test_a_fixed_stream_of_cloudwatch_logs_is_no_obstacle(self, of: str) -> None:
        records = [
            record(n, text, of=of, stream="fixed", group="/shop", task="", tag="fixed") for n, text in enumerate("ab")
        ]
        assert words(["a", "b"], records, (IN_AWS,)) == ["web: 2 lines in, 2 records out"]

    def test_two_containers_may_print_the_same_into_one_stream(self) -> None:
        records = [
            record(0, "ok", of=of, stream="fixed", group="/shop", task="", tag="fixed") for of in ("web", "worker")
        ]
        assert words(["ok"], records, (IN_AWS,), others=("worker",)) == ["web: 1 lines in, 1 records out"]

    def test_records_of_a_task_that_is_gone_are_not_counted(self) -> None:
        old = record(0, "a", of="gone", task=OLD_TASK_ID)
        assert words(["a"], [old]) == ["web: 1 lines in, 0 records out; 1 missing: a cause"]

    def test_a_rewritten_tag_is_no_obstacle(self) -> None:
        found = words(["a"], [record(0, "a", tag="rewritten", stream="output-1")], (EVERYTHING,))
        assert found == ["output-1: 1 lines in, 1 records out"]


class TestBusyContainers:
    def test_records_of_lines_that_were_printed_since_are_not_more_than_lines(self) -> None:
        records = [record(0, "a"), record(1, "b"), record(1, "c"), record(2, "d")]
        assert words(["a", "b"], records, running=True) == ["web: 2 lines in, 2 records out"]

    def test_records_of_lines_that_docker_has_dropped_from_its_copy_are_not_more_than_lines(self) -> None:
        assert words(["a"], [record(-1, "z"), record(0, "a")]) == ["web: 1 lines in, 1 records out"]

    def test_the_last_lines_are_under_way(self) -> None:
        found = words(["a", "b"], [record(0, "a")], running=True, now=moment(2))
        assert found == ["web: 2 lines in, 1 records out; 1 under way"]

    def test_a_line_that_others_have_overtaken_is_missing(self) -> None:
        lines = [f"line {number}" for number in range(4001)]
        records = [record(0, "line 0"), record(4000, "line 4000")]
        [found] = compared(lines, records, running=True, now=moment(4001))
        assert (found.lost, found.under_way) == (1000, 2999)

    def test_what_does_not_come_within_the_time_of_two_flushes_and_some_seconds_is_missing(self) -> None:
        [found] = compared(["a"], [], now=moment(6999))
        assert (found.lost, found.under_way) == (0, 1)
        [found] = compared(["a"], [], now=moment(7001))
        assert (found.lost, found.under_way) == (1, 0)

    def test_it_is_looked_at_again_until_nothing_is_under_way(self) -> None:
        looks = [[3], [1], [0], [0]]

        def look() -> list[Comparison]:
            return [Comparison("hello", TASK_ID, "web", 3, 0, under_way=count) for count in looks.pop(0)]

        [found] = Pending(1.0).settle(look)
        assert (found.under_way, len(looks)) == (0, 1)
