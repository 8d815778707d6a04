from __future__ import annotations

import io
import json
from datetime import datetime

from emulator.display import make_display
from emulator.events import Event, EventKind


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_every_event_is_one_object_on_standard_output() -> None:
    out, err = io.StringIO(), io.StringIO()
    display = make_display("json", out, err)
    display.emit(Event(EventKind.LOG, "hello", "žluť\nx", {"stream": "stderr"}))
    display.emit(Event(EventKind.STEP_DONE, "task", fields={"seconds": 1.5}))
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert datetime.fromisoformat(first.pop("time")).utcoffset() is not None
    assert first == {"kind": "log", "subject": "hello", "message": "žluť\nx", "fields": {"stream": "stderr"}}
    assert second["kind"] == "step-done"
    assert second["fields"] == {"seconds": 1.5}
    assert err.getvalue() == ""


def test_a_reader_that_went_away_interrupts_once() -> None:
    interrupts: list[str] = []
    display = make_display("json", Broken(), io.StringIO(), on_broken=lambda: interrupts.append("x"))
    display.emit(Event(EventKind.INFO, "a"))
    display.emit(Event(EventKind.INFO, "b"))
    assert interrupts == ["x"]
