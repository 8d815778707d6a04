"""What a failing test's report says about its environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from emulator.events import Event, EventKind
from emulator.runtime.state.log_subjects import LogSubjects
from emulator.visible import visible, visible_line

if TYPE_CHECKING:
    from emulator.testing.lifecycle import Lifecycle

MOST_LINES = 200
SILENT = (EventKind.PROGRESS, EventKind.STEP_STARTED)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a journal had come when a test began: numbers of log lines and of events."""

    lines: int = 0
    events: int = 0


def sections(
    environment: Lifecycle, since: Mark, *, first: bool, verbose: bool, show_router: bool = False
) -> Iterator[tuple[str, str]]:
    """Title and text of each section. `since` is where the test began. The `first` report of an environment has the
    events of its start too, and where `verbose` the plan, which is long and tells what `up` did; the traceback of a
    later one would be buried under the same lines. `show_router` adds the banner and info lines of log routers."""
    name = environment.title
    lines = [line for line in environment.journal.lines(since.lines) if show_router or not line.chatter]
    subjects = LogSubjects(one_service=False)
    for line in lines:
        subjects.add(line.service, line.task_id)
    logs = _shortened(
        [f"{subjects.subject(line.service, line.task_id, line.container)} | {line.text}" for line in lines]
    )
    yield f"copilot-local logs of {name}", logs or "(nothing was printed during this test)"
    happened = environment.journal.events()[0 if first else since.events :]
    events = [_words(at, event) for at, event in happened if event.kind not in SILENT]
    if events:
        yield f"copilot-local events of {name}", _shortened(events)
    if environment.plan and verbose and first:
        yield f"copilot-local plan of {name}", visible(environment.plan)


def marks(environments: Iterable[Lifecycle]) -> Mapping[int, Mark]:
    """Where the journal of each environment stands, by its identity."""
    return {id(one): Mark(one.journal.count, len(one.journal.events())) for one in environments}


def _words(at: float, event: Event) -> str:
    seconds = event.fields.get("seconds")
    took = f" ({seconds:.1f} s)" if isinstance(seconds, int | float) else ""
    time = datetime.fromtimestamp(at).strftime("%H:%M:%S.%f")[:-3]
    return f"{time} {event.kind} {event.subject} {event.message}".rstrip() + took


def _shortened(lines: list[str]) -> str:
    left_out = len(lines) - MOST_LINES
    head = [f"… {left_out} lines before"] if left_out > 0 else []
    return "\n".join([*head, *map(visible_line, lines[-MOST_LINES:])])
