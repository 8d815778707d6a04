"""What a failing test's report says about its environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from emulator.events import Event, EventKind
from emulator.runtime.state.log_subjects import LogSubjects
from emulator.visible import visible, visible_lines

if TYPE_CHECKING:
    from emulator.testing.lifecycle import Lifecycle

MOST_LINES = 200
SILENT = (EventKind.PROGRESS, EventKind.STEP_STARTED)


def sections(
    environment: Lifecycle, since: int, *, verbose: bool, show_router: bool = False
) -> Iterator[tuple[str, str]]:
    """Title and text of each section. `since` is the number of the first log line that the test saw; `verbose` adds
    the plan, which is long and tells what `up` did, not what the test met; `show_router` adds the banner and info lines
    of log routers."""
    name = environment.title
    lines = [line for line in environment.journal.lines(since) if show_router or not line.chatter]
    subjects = LogSubjects(one_service=False)
    for line in lines:
        subjects.add(line.service, line.task_id)
    logs = _shortened(
        [f"{subjects.subject(line.service, line.task_id, line.container)} | {line.text}" for line in lines]
    )
    yield f"copilot-local logs of {name}", logs or "(nothing was printed during this test)"
    events = [_words(at, event) for at, event in environment.journal.events() if event.kind not in SILENT]
    if events:
        yield f"copilot-local events of {name}", _shortened(events)
    if environment.plan and verbose:
        yield f"copilot-local plan of {name}", visible(environment.plan)


def marks(environments: list[Lifecycle]) -> Mapping[int, int]:
    """How many lines each environment has printed so far."""
    return {id(environment): environment.journal.count for environment in environments}


def _words(at: float, event: Event) -> str:
    seconds = event.fields.get("seconds")
    took = f" ({seconds:.1f} s)" if isinstance(seconds, int | float) else ""
    time = datetime.fromtimestamp(at).strftime("%H:%M:%S.%f")[:-3]
    return f"{time} {event.kind} {event.subject} {event.message}".rstrip() + took


def _shortened(lines: list[str]) -> str:
    left_out = len(lines) - MOST_LINES
    head = [f"… {left_out} lines before"] if left_out > 0 else []
    return "\n".join([*head, *visible_lines(lines[-MOST_LINES:])])
