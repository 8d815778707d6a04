"""What the control API answers of errors, and of work that takes a while."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus

from emulator.agent.scheduler.control_lock import BeingBroughtUp
from emulator.errors import CopilotLocalError, EnvironmentBusy, InputError, NotFound
from emulator.events import Emit, Event
from emulator.runtime.control.client import event_to
from emulator.runtime.control.http import Message


def status_of(error: CopilotLocalError) -> HTTPStatus:
    """The HTTP status of a refusal or a failure."""
    if isinstance(error, EnvironmentBusy):
        return HTTPStatus.CONFLICT
    if isinstance(error, NotFound):
        return HTTPStatus.NOT_FOUND
    return HTTPStatus.BAD_REQUEST if isinstance(error, InputError) else HTTPStatus.INTERNAL_SERVER_ERROR


def content_of(error: Exception) -> Message:
    """What a client is told of an error: `message`, `hint`, the last `output` of what failed."""
    if not isinstance(error, CopilotLocalError):
        return {"message": f"the agent failed: {error!r}", "hint": "this is a bug: see its log", "output": []}
    busy = {"busy": True} if isinstance(error, BeingBroughtUp) else {}
    return {"message": error.message, "hint": error.hint, "output": error.output, **busy}


def with_events(act: Callable[[Emit], None]) -> Iterator[Message]:
    """Passes on the events of something that takes a while, as they come."""
    events: queue.Queue[Event | BaseException | None] = queue.Queue()

    def work() -> None:
        try:
            act(events.put)
            events.put(None)
        except BaseException as error:
            events.put(error)

    threading.Thread(target=work, daemon=True).start()
    while (item := events.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield {"event": event_to(item)}
