from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from emulator.engine.interface import Container, ContainerState, LogLine
from emulator.runtime import names
from emulator.runtime.compare import Comparison, compare
from emulator.runtime.observed import Member, Task

BORN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WEB = Member(Container("1", "web", "web:1", ContainerState.RUNNING, "Up", {names.CONTAINER: "web"}, BORN))
TASK = Task("0123", "hello", "", "1")


def moment(number: int) -> datetime:
    return BORN + timedelta(milliseconds=number)


def compared(
    lines: list[str], records: list[tuple[int, str | None]], options: dict[str, Any] | None = None
) -> Comparison:
    """Lines that were printed a millisecond apart, against records of those milliseconds."""
    printed = [LogLine("stdout", text, moment(number)) for number, text in enumerate(lines)]
    out = [(moment(number).isoformat(timespec="milliseconds"), text) for number, text in records]
    return compare(TASK, WEB, printed, out, options or {}, "a cause")


def test_every_line_with_its_record() -> None:
    found = compared(["a", "b"], [(0, "a"), (1, "b")])
    assert str(found) == "2 lines in, 2 records out"
    assert (found.lost, found.cause) == (0, "")


def test_a_line_without_a_record_is_missing() -> None:
    found = compared(["a", "b", "c"], [(0, "a")])
    assert str(found) == "3 lines in, 1 records out; 2 missing: a cause"


def test_a_line_that_a_pattern_drops_is_not_missing() -> None:
    options = {"exclude-pattern": "^GET /health", "include-pattern": "GET|POST"}
    found = compared(["GET /health", "POST /", "noise"], [(1, "POST /")], options)
    assert dict(found.dropped) == {"matched by exclude-pattern": 1, "not matched by include-pattern": 1}
    assert found.lost == 0


def test_a_record_with_another_text_is_a_changed_line() -> None:
    found = compared(["a", '{"x": 1}'], [(0, "a"), (1, None)])
    assert str(found) == "2 lines in, 2 records out; 1 changed by filters"


def test_a_copy_is_one_record_more() -> None:
    assert str(compared(["a"], [(0, "a"), (0, "a")])) == "1 lines in, 2 records out; 1 records more than lines"


def test_equal_lines_of_one_moment_are_counted_apart() -> None:
    printed = [LogLine("stdout", "x", BORN)] * 3
    out: list[tuple[str, str | None]] = [(BORN.isoformat(timespec="milliseconds"), "x")] * 2
    assert compare(TASK, WEB, printed, out, {}, "a cause").lost == 1
