from __future__ import annotations

import pytest

from emulator.engine.interface import Engine
from tests.unit.engine.contract import Lab, texts

pytestmark = pytest.mark.docker


def test_both_streams_keep_their_names(lab: Lab, engine: Engine) -> None:
    container = lab.run("one", command=("sh", "-c", "echo out; echo err >&2"))
    lab.exited("one")
    found = {line.text: line.stream for line in engine.logs(container)}
    assert found == {"out": "stdout", "err": "stderr"}


def test_a_long_line_is_one_line(lab: Lab, engine: Engine) -> None:
    """Docker stores lines in pieces of 16 KiB."""
    container = lab.run("one", command=("sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo next"))
    lab.exited("one")
    assert texts(list(engine.logs(container))) == ["x" * 100000, "next"]


def test_a_last_line_without_its_end_counts(lab: Lab, engine: Engine) -> None:
    container = lab.run("one", command=("printf", "a\\n\\nb"))
    lab.exited("one")
    assert texts(list(engine.logs(container))) == ["a", "", "b"]


def test_a_container_with_a_terminal_logs_lines_too(lab: Lab, engine: Engine) -> None:
    container = lab.run("one", command=("sh", "-c", "echo one; echo two >&2"), tty=True)
    lab.exited("one")
    lines = list(engine.logs(container))
    assert texts(lines) == ["one", "two"]
    assert all(line.timestamp for line in lines)


def test_bytes_that_are_no_text_do_not_stop_the_logs(lab: Lab, engine: Engine) -> None:
    container = lab.run("one", command=("printf", "\\377\\nnext\\n"))
    lab.exited("one")
    assert texts(list(engine.logs(container))) == ["\N{REPLACEMENT CHARACTER}", "next"]


def test_a_container_that_printed_nothing_has_no_logs(lab: Lab, engine: Engine) -> None:
    container = lab.run("one", command=("true",))
    lab.exited("one")
    assert list(engine.logs(container)) == []
    assert list(engine.logs(container, follow=True)) == []
    assert list(engine.logs(lab.create("two"), follow=True)) == []
