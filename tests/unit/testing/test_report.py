"""What a failing test's report says of the containers' lines."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from emulator.events import Event, EventKind
from emulator.testing.observation.journal import Journal
from emulator.testing.observation.report import Mark, marks, sections

FIRST, SECOND = "aaaabbbbcccc", "ddddeeeeffff"


def logs(*lines: tuple[str, str, str, bool], show_router: bool = False) -> list[str]:
    """The lines that a report shows of `(container, task, text, chatter)`."""
    journal = Journal()
    for container, task, text, chatter in lines:
        journal.add_line("hello", container, task, "stdout", text, None, chatter=chatter)
    environment: Any = SimpleNamespace(title="demo/test", journal=journal, plan="")
    found = dict(sections(environment, Mark(), first=True, verbose=False, show_router=show_router))
    return found["copilot-local logs of demo/test"].splitlines()


@pytest.mark.parametrize("shown", [False, True])
def test_the_banner_of_a_log_router_is_shown_where_it_is_asked_for(shown: bool) -> None:
    lines = [("log_router", FIRST, "Fluent Bit v1.8.15", True), ("log_router", FIRST, "[ warn] no upstream", False)]
    found = logs(*lines, show_router=shown)
    assert found == ["hello/log_router | Fluent Bit v1.8.15"] * shown + ["hello/log_router | [ warn] no upstream"]


def test_the_start_and_the_plan_are_in_the_first_report_alone() -> None:
    journal = Journal()
    journal.add_event(Event(EventKind.STEP_DONE, "build hello/Dockerfile"))
    environment: Any = SimpleNamespace(title="demo/test", journal=journal, plan="#1 create network")
    [mark] = marks([environment]).values()
    journal.add_event(Event(EventKind.STATE, "hello/hello", "exited with code 7"))
    first, later = (dict(sections(environment, mark, first=one, verbose=True)) for one in (True, False))
    assert "build hello/Dockerfile" in first["copilot-local events of demo/test"]
    assert first["copilot-local plan of demo/test"] == "#1 create network"
    assert "build" not in later["copilot-local events of demo/test"]
    assert "exited with code 7" in later["copilot-local events of demo/test"]
    assert "copilot-local plan of demo/test" not in later


def test_two_tasks_of_a_service_are_told_apart() -> None:
    assert logs(("web", FIRST, "one", False), ("web", SECOND, "two", False)) == [
        "hello/aaaabbbb/web | one",
        "hello/ddddeeee/web | two",
    ]
