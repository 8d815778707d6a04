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


HELD = "changes wait until w is pressed again"
GOES_ON = "changes are applied again"


class WatchKey:
    """The keys `w` and `d`: a foreground `up` begins to watch its files and holds that, or leaves what runs alone."""

    def __init__(self, emit: Emit, *, watches: bool) -> None:
        self._emit = emit
        self.watches = watches
        """Files are watched, or will be at once."""
        self.held = threading.Event()
        """Changes are kept for later."""
        self.leave = threading.Event()
        """A foreground `up` that does not watch is to end, and to leave everything running."""
        self.takes_over = False
        """It has done so, for the watch."""

    def press(self) -> None:
        """What `w` does. Called from another thread."""
        if not self.watches:
            self.watches = True
            self.leave.set()
            return
        (self.held.clear if self.held.is_set() else self.held.set)()
        self._emit(Event(EventKind.INFO, "watch", HELD if self.held.is_set() else GOES_ON))

    def detach(self) -> None:
        """What `d` does."""
        if self.watches:
            words = "d does nothing while files are watched; Ctrl-C ends this command"
            self._emit(Event(EventKind.WARNING, "keys", words))
        else:
            self.leave.set()

    def farewell(self) -> str:
        """What the foreground says when it has left everything running."""
        from emulator.runtime.lifecycle.foreground import STILL_RUNNING

        self.takes_over = self.watches
        return "" if self.takes_over else STILL_RUNNING


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
) -> Iterator[tuple[WatchKey, Emit]]:
    """Within this block the console can be opened, and is at once with `console`; ports of a Docker daemon elsewhere
    answer here. With `detach` what a person does for that is told instead. Gives what the keys `w` and `d` ask for, and
    the function that leaves out the lines that `l` leaves out."""
    from emulator.runtime.control.forward import forwarding

    logs, w = ChosenLogs(emit), WatchKey(emit, watches=watch)
    with (
        _keys(engine, request, selection, emit, logs, w, at_once=console, quiet=quiet or detach),
        forwarding(engine, request.environment, emit, stays=not detach),
    ):
        yield w, logs.emit


@contextmanager
def _keys(
    engine: Engine,
    request: UpRequest,
    selection: Selection,
    emit: Emit,
    logs: ChosenLogs,
    w: WatchKey,
    *,
    at_once: bool,
    quiet: bool,
) -> Iterator[None]:
    """Serves the console within this block and says where: `at_once`, or unless `quiet` when `c` is pressed.

    `o` opens a service in the browser, `l` chooses whose lines are shown, `w` and `d` are those of a `WatchKey`.
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
        if any(service.name not in request.native for service in request.services):
            actions["w"] = w.press
        left = "" if w.watches else ", d to leave it running"
        if not w.watches:
            actions["d"] = w.detach
        if not quiet and stack.enter_context(keys(actions)):
            files = f", w to {'hold changes' if w.watches else 'watch files'}" if "w" in actions else ""
            words = "press o to open a service in the browser, c for the console, l for one container's lines"
            emit(Event(EventKind.INFO, "keys", f"{words}{files}{left}"))
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
