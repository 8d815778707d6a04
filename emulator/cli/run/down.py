"""`copilot-local down`: stop and remove an environment."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.shell.chosen_environment import chosen_environment, environment_names
from emulator.cli.shell.interrupt import interruptions
from emulator.cli.shell.options import App, Env, Name, Quiet
from emulator.errors import CopilotLocalError, UsageError
from emulator.events import Emit, Event, EventKind

if TYPE_CHECKING:
    from emulator.engine.interface import Engine
    from emulator.runtime.control.http import Connection
    from emulator.runtime.state.names import Names


def down(
    app: App = None,
    env: Env = None,
    name: Name = None,
    volumes: Annotated[bool, typer.Option("--volumes", "-v", help="Remove data too: logs and file systems.")] = False,
    timeout: Annotated[
        int | None,
        typer.Option("--timeout", "-t", min=0, metavar="SECONDS", help="SIGTERM to SIGKILL, instead of each its own."),
    ] = None,
    quiet: Quiet = False,
    every: Annotated[
        bool, typer.Option("--all", help="Every environment on this machine; with -a, every one of that application.")
    ] = False,
) -> None:
    """Stop an environment in reverse order of its dependencies and remove it."""
    from emulator.display import make_display

    if name is not None:
        raise UsageError("down stops a whole environment: -n does not go with it")
    if every and env is not None:
        raise UsageError("--all takes every environment down: -e does not go with it")
    ahead = None if every else _begin(app, env, timeout)
    with (
        closing(make_display(quiet=quiet)) as display,
        closing(ahead[0]) if ahead is not None else nullcontext(),
        _environments(app, env, every=every, runs=ahead is not None) as (engine, environments),
    ):
        _, killed = interruptions(display.emit)
        failed: CopilotLocalError | None = None
        for names in environments:
            if every:
                display.emit(Event(EventKind.INFO, "down", f"{names.app}/{names.environment}"))
            try:
                _take_down(engine, names, display.emit, volumes=volumes, timeout=timeout, killed=killed, ahead=ahead)
            except CopilotLocalError as error:
                if len(environments) == 1:
                    raise
                display.emit(Event(EventKind.WARNING, f"{names.app}/{names.environment}", str(error)))
                failed = error
        if every and not environments:
            display.emit(Event(EventKind.INFO, "down", "no environment is on this machine"))
        if failed is not None:
            raise failed


def _begin(app: str | None, env: str | None, timeout: int | None) -> tuple[Connection, float] | None:
    """The agent stops tasks while this command imports what it needs for the rest: the connection that this goes with,
    and when it began, of the monotonic clock."""
    from emulator.runtime.control.direct import retire

    began = time.monotonic()
    connection = retire(environment_names(app, env), timeout)
    return (connection, began) if connection is not None else None


@contextmanager
def _environments(app: str | None, env: str | None, *, every: bool, runs: bool) -> Iterator[tuple[Engine, list[Names]]]:
    if not every:
        with chosen_environment(app, env, runs=runs) as (engine, names):
            yield engine, [names]
        return
    from emulator.engine.connect import connect
    from emulator.runtime.machine.environments import running_environments

    with closing(connect()) as engine:
        yield engine, [names for names in running_environments(engine) if app in (None, names.app)]


def _take_down(
    engine: Engine,
    names: Names,
    emit: Emit,
    *,
    volumes: bool,
    timeout: int | None,
    killed: threading.Event,
    ahead: tuple[Connection, float] | None,
) -> None:
    from emulator.runtime.control.leases import Retirement
    from emulator.runtime.lifecycle.down import down as take_down

    had_data = volumes and bool(engine.list_volumes(names.labels()))
    found = take_down(
        engine,
        names,
        emit,
        volumes=volumes,
        timeout=timeout,
        cancelled=killed,
        agent_image=lambda: _agent_image(emit),
        ahead=Retirement(ahead[0], began=ahead[1]) if ahead is not None else None,
    )
    if volumes:
        from emulator.setup.authority import remove_certificates  # brings cryptography, which takes its time

        remove_certificates(names.app, names.environment)
    where = f"{names.app}/{names.environment}"
    if not found:
        gone = f"nothing was running in {where}; its logs and data are gone{_images_stay(engine, names)}"
        emit(Event(EventKind.INFO, "down", gone if had_data else f"nothing is running in {where}"))
    elif volumes:
        emit(Event(EventKind.INFO, "down", f"{where} is gone, its logs and data too{_images_stay(engine, names)}"))
    else:
        emit(Event(EventKind.INFO, "down", f"{where} is gone; logs and data stay, `down -v` removes them too"))


def _images_stay(engine: Engine, names: Names) -> str:
    """What is said of images that were built for the environment: they make the next `up` quick."""
    from emulator.runtime.machine.prune import LeftKind, leftovers

    left = leftovers(engine, app=names.app, environment=names.environment)
    count = sum(one.kind is LeftKind.IMAGE for one in left)
    if not count:
        return ""
    stay, them = (
        ("1 image that was built stays", "it") if count == 1 else (f"{count} images that were built stay", "them")
    )
    return f"; {stay}: `copilot-local prune -a {names.app}` removes {them}"


def _agent_image(emit: Emit) -> str:
    from emulator.setup.images import any_agent_image

    return any_agent_image(emit)
