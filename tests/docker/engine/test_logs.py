from __future__ import annotations

import pytest

from emulator.engine.interface import Engine, LogLine
from tests.unit.engine.contract import Lab, texts

pytestmark = pytest.mark.docker


PRINTS = r"""
echo err >&2
head -c 100000 /dev/zero | tr '\0' x
printf '\nnext\n\377\n\nlast'
"""


@pytest.fixture(scope="module")
def lines(shared_lab: Lab, engine: Engine) -> list[LogLine]:
    """What a container that has ended had printed."""
    container = shared_lab.run("one", command=("sh", "-c", PRINTS))
    shared_lab.exited("one")
    return list(engine.logs(container))


def printed(lines: list[LogLine]) -> list[str]:
    """On standard output."""
    return texts([line for line in lines if line.stream == "stdout"])


def test_both_streams_keep_their_names(lines: list[LogLine]) -> None:
    assert [line.text for line in lines if line.stream != "stdout"] == ["err"]
    assert {line.stream for line in lines} == {"stdout", "stderr"}


def test_a_long_line_is_one_line(lines: list[LogLine]) -> None:
    """Docker stores lines in pieces of 16 KiB."""
    assert printed(lines)[:2] == ["x" * 100000, "next"]


def test_bytes_that_are_no_text_do_not_stop_the_logs(lines: list[LogLine]) -> None:
    assert printed(lines)[2] == "\N{REPLACEMENT CHARACTER}"


def test_a_last_line_without_its_end_counts(lines: list[LogLine]) -> None:
    assert printed(lines)[3:] == ["", "last"]


def test_a_container_with_a_terminal_logs_lines_too(lab: Lab, engine: Engine) -> None:
    container = lab.run("one", command=("sh", "-c", "echo one; echo two >&2"), tty=True)
    lab.exited("one")
    lines = list(engine.logs(container))
    assert texts(lines) == ["one", "two"]
    assert all(line.timestamp for line in lines)


def test_a_container_that_printed_nothing_has_no_logs(lab: Lab, engine: Engine) -> None:
    container = lab.run("one", command=("true",))
    lab.exited("one")
    assert list(engine.logs(container)) == []
    assert list(engine.logs(container, follow=True)) == []
    assert list(engine.logs(lab.create("two"), follow=True)) == []
