"""What a foreground `up` does beside its environment: keys, the console, ports of a Docker daemon elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from emulator.cli.shell.keys import keys
from emulator.errors import CopilotLocalError
from emulator.events import Emit, Event, EventKind

if TYPE_CHECKING:
    from emulator.app.selection import Selection
    from emulator.engine.interface import Engine
    from emulator.runtime.planning.up_request import UpRequest


class ChosenLogs:
    """Passes events on, and lines of containers only where they are of the chosen one."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._subjects: set[str] = set()
        self._only = ""

    def emit(self, event: Event) -> None:
        """Passes an event on, unless it is a line of another container."""
        if event.kind is EventKind.LOG:
            self._subjects.add(event.subject)
            if self._only not in ("", event.subject):
                return
        self._emit(event)

    def next(self) -> None:
        """Chooses the next container, and after the last one all of them."""
        order = ["", *sorted(self._subjects)]
        self._only = order[(order.index(self._only) + 1) % len(order)]
        what = f"of {self._only} alone; l for the next one" if self._only else "of all containers"
        self._emit(Event(EventKind.INFO, "logs", what))


@contextmanager
def beside(
    engine: Engine,
    request: UpRequest,
    selection: Selection,
    emit: Emit,
    console: bool,
    quiet: bool,
    detach: bool,
    watch: bool,
) -> Iterator[tuple[threading.Event, Emit]]:
    """Within this block the console can be opened, and is at once with `console`; ports of a Docker daemon elsewhere
    answer here. With `detach` what a person does for that is told instead. The key `d` sets the event that this gives,
    without `watch`; the function leaves out the lines that `l` leaves out."""
    from emulator.runtime.control.forward import forwarding

    leave, logs = threading.Event(), ChosenLogs(emit)
    with (
        _keys(engine, request, selection, emit, logs, None if watch else leave, at_once=console, quiet=quiet or detach),
        forwarding(engine, request.environment, emit, stays=not detach),
    ):
        yield leave, logs.emit


@contextmanager
def _keys(
    engine: Engine,
    request: UpRequest,
    selection: Selection,
    emit: Emit,
    logs: ChosenLogs,
    leave: threading.Event | None,
    *,
    at_once: bool,
    quiet: bool,
) -> Iterator[None]:
    """Serves the console within this block and says where: `at_once`, or unless `quiet` when `c` is pressed.

    `o` opens a service in the browser, `l` chooses whose lines are shown, `d` sets `leave`.
    """
    with ExitStack() as stack:
        urls: list[tuple[str, str]] = []

        def open_it() -> None:
            from emulator.cli.observe.console import served
            from emulator.cli.shell.browser import show

            try:
                opened = bool(urls)
                if not opened:
                    urls.append(stack.enter_context(served(engine, request.environment, selection)))
                url, once = urls[0]
                emit(Event(EventKind.INFO, "console", url))
                if not opened:
                    show(once)  # good once
            except CopilotLocalError as error:
                emit(Event(EventKind.WARNING, "console", error.message))

        if at_once:
            open_it()
        actions = {"c": open_it, "o": lambda: _open_service(engine, request, emit), "l": logs.next}
        if leave is not None:
            actions["d"] = leave.set
        if not quiet and stack.enter_context(keys(actions)):
            left = ", d to leave it running" if leave is not None else ""
            words = f"press o to open a service in the browser, c for the console, l for one container's lines{left}"
            emit(Event(EventKind.INFO, "keys", words))
        yield


def _open_service(engine: Engine, request: UpRequest, emit: Emit) -> None:
    """Opens the first service that answers to browsers."""
    from emulator.cli.shell.browser import show
    from emulator.runtime.control.client import Agent

    try:
        urls = Agent(engine, request.environment).urls()
    except CopilotLocalError as error:
        emit(Event(EventKind.WARNING, "open", error.message))
        return
    url = next(iter(urls.values()), "")
    emit(Event(EventKind.INFO, "open", url or "no service here has a load balancer"))
    if url:
        show(url)
