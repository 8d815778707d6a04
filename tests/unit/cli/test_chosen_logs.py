"""The key `l` of a foreground `up`: whose lines are shown."""

from __future__ import annotations

from emulator.cli.run.console_beside import ChosenLogs
from emulator.events import Event, EventKind


def test_each_container_alone_and_then_all_again() -> None:
    shown: list[Event] = []
    logs = ChosenLogs(shown.append)

    def lines() -> list[str]:
        shown.clear()
        for name in ("web", "api"):
            logs.emit(Event(EventKind.LOG, name, "a line"))
        logs.emit(Event(EventKind.WARNING, "web", "always"))
        return [event.subject for event in shown if event.kind is EventKind.LOG]

    assert lines() == ["web", "api"]
    for expected in (["api"], ["web"], ["web", "api"]):
        logs.next()
        assert shown[-1].subject == "logs"
        assert lines() == expected
        assert shown[-1].message == "always"
