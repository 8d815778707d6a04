from __future__ import annotations

import io

import pytest

from emulator.display import make_display
from emulator.events import Event, EventKind


@pytest.mark.parametrize("quiet", [True, False])
def test_quiet_leaves_out_what_went_well(quiet: bool) -> None:
    out, err = io.StringIO(), io.StringIO()
    display = make_display("text", out, err, quiet=quiet)
    display.emit(Event(EventKind.STEP_STARTED, "build", "api/Dockerfile"))
    display.emit(Event(EventKind.STEP_DONE, "build", "api/Dockerfile", {"seconds": 2.0}))
    display.emit(Event(EventKind.INFO, "hello", "running at http://127.0.0.1:8080"))
    display.emit(Event(EventKind.WARNING, "hello", "no secret"))
    display.emit(Event(EventKind.STEP_FAILED, "start", "hello"))
    display.emit(Event(EventKind.LOG, "hello", "a line"))
    display.close()
    assert out.getvalue() == "hello | a line\n"
    shown = err.getvalue()
    assert "warning: hello: no secret" in shown
    assert "✗ start: hello" in shown
    assert ("build" in shown, "running at" in shown) == ((False, False) if quiet else (True, True))
