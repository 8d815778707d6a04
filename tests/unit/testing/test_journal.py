"""What containers printed, and waiting for it."""

from __future__ import annotations

import threading
import time

from emulator.testing.observation.journal import Death, Journal, LogLine

DEATH = Death("web", "nginx", "t1", 3, False, ("bye",))


def printed(journal: Journal, text: str, container: str = "api") -> None:
    journal.add_line("web", container, "t1", "stdout", text, None)


def soon() -> float:
    return time.monotonic() + 10


def test_lines_keep_the_order_they_came_in_and_are_counted() -> None:
    journal = Journal()
    printed(journal, "one")
    mark = journal.count
    printed(journal, "two", "nginx")
    assert [str(line) for line in journal.lines()] == ["web/api | one", "web/nginx | two"]
    assert [line.text for line in journal.lines(mark)] == ["two"]


def test_a_wait_finds_a_line_that_is_there_and_one_that_comes() -> None:
    journal = Journal()
    printed(journal, "there")
    assert journal.wait(lambda line: line.text == "there", 0, soon()) is not None
    found: list[LogLine | None] = []
    waiting = threading.Thread(target=lambda: found.append(journal.wait(lambda line: line.text == "late", 0, soon())))
    waiting.start()
    printed(journal, "early")
    printed(journal, "late")
    waiting.join(10)
    assert [line.text for line in found if line] == ["late"]


def test_lines_before_the_mark_are_not_waited_for() -> None:
    journal = Journal()
    printed(journal, "there")
    assert journal.wait(lambda line: True, journal.count, time.monotonic()) is None


def test_a_death_ends_a_wait_at_once_and_is_told_once() -> None:
    journal = Journal()
    journal.add_death(DEATH, expected=False)
    began = time.monotonic()
    assert journal.wait(lambda line: False, 0, began + 60) is None
    assert time.monotonic() - began < 30
    assert journal.take_unreported() == [DEATH]
    assert journal.take_unreported() == []


def test_a_death_that_was_expected_is_no_news_but_is_remembered() -> None:
    journal = Journal()
    journal.add_death(DEATH, expected=True)
    assert not journal.wait_for_unreported(time.monotonic())
    assert journal.wait_for_death(0, lambda death: death.container == "nginx", soon()) == DEATH
    assert journal.wait_for_death(1, lambda death: True, time.monotonic()) is None


def test_a_death_in_words() -> None:
    assert DEATH.summary == "container nginx of web exited with code 3"
    assert Death("web", "nginx", "t1", 137, True, ()).summary.endswith("exited with code 137, out of memory")
