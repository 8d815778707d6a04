"""What a foreground `up` does beside its environment: the console, and ports of a Docker daemon elsewhere."""

from __future__ import annotations

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


@contextmanager
def beside(
    engine: Engine,
    request: UpRequest,
    selection: Selection,
    emit: Emit,
    console: bool,
    *,
    quiet: bool,
    detach: bool,
) -> Iterator[None]:
    """Within this block the console can be opened, and is at once with `console`; ports of a Docker daemon elsewhere
    answer here. With `detach` what a person does for that is told instead."""
    from emulator.runtime.control.forward import forwarding

    with (
        _console(engine, request, selection, emit, at_once=console, quiet=quiet or detach),
        forwarding(engine, request.environment, emit, stays=not detach),
    ):
        yield


@contextmanager
def _console(
    engine: Engine, request: UpRequest, selection: Selection, emit: Emit, *, at_once: bool, quiet: bool
) -> Iterator[None]:
    """Serves the console within this block and says where: `at_once`, or unless `quiet` when `c` is pressed."""
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
        listening = stack.enter_context(keys({"c": open_it})) if not quiet else False
        if listening and not at_once:
            emit(Event(EventKind.INFO, "console", "press c to look at it in the browser"))
        yield
