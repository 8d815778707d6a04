"""`copilot-local console`: an environment on a local web page."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from emulator.app.selection import Selection
from emulator.cli.shell.browser import show
from emulator.cli.shell.chosen_environment import chosen_environment
from emulator.cli.shell.interrupt import interruptions
from emulator.cli.shell.options import App, Env
from emulator.errors import InputError, UsageError
from emulator.events import discard

if TYPE_CHECKING:
    from emulator.engine.interface import Engine
    from emulator.runtime.state.names import Names


def console(
    app: App = None,
    env: Env = None,
    port: Annotated[
        int,
        typer.Option(
            "--port", min=0, max=65535, metavar="PORT", help="Listen on this port of 127.0.0.1. Default: a free one."
        ),
    ] = 0,
    snapshot: Annotated[
        Path | None,
        typer.Option("--snapshot", metavar="FILE", help="Show what `copilot-local snapshot` has written instead."),
    ] = None,
    only_print: Annotated[bool, typer.Option("--print", help="Print the URL and open nothing.")] = False,
) -> None:
    """Show an environment on a local web page, and act on it there, until Ctrl-C."""
    if snapshot is not None:
        if app or env:
            raise UsageError("--snapshot says itself of which environment it is: without --app and --env")
        _show_recording(snapshot, port=port, only_print=only_print)
        return
    with chosen_environment(app, env) as (engine, names):
        _stay(engine, names, Selection(app, env), "", port=port, only_print=only_print)


def console_of_service(app: str | None, env: str | None, service: str, *, only_print: bool) -> None:
    """The same, at the newest task of a service. Raises InputError where none runs."""
    from emulator.runtime.state.observed import observe
    from emulator.spelling import did_you_mean

    with chosen_environment(app, env) as (engine, names):
        observed = observe(engine, names)
        tasks = observed.tasks_of(service)
        if service and not tasks:
            known = {task.service for task in observed.service_tasks}
            raise InputError(f"no task of {service} runs", hint=did_you_mean(service, known, "services that run"))
        page = f"/overview?task-panel={tasks[-1].id}" if tasks else ""
        _stay(engine, names, Selection(app, env), page, port=0, only_print=only_print)


@contextmanager
def served(
    engine: Engine, names: Names, selection: Selection, *, port: int = 0, page: str = ""
) -> Iterator[tuple[str, str]]:
    """Serves the console within this block; gives the address of one of its pages, and one that is good once, to start
    the browser with."""
    from emulator.console.serve import serving
    from emulator.setup.authority import ensure_authority

    def trust() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=ensure_authority().path)

    with serving(engine, names, selection=selection, port=port, trust=trust) as address:
        to = f"&to={quote(page, safe='')}" if page else ""
        yield address.url + to, address.url_for_once + to


def _show_recording(file: Path, *, port: int, only_print: bool) -> None:
    from emulator.console.recording import read
    from emulator.console.serve import showing

    recording = read(file)
    with showing(recording, port=port) as address:
        when = f"{recording.at.astimezone():%Y-%m-%d %H:%M:%S}"
        _until_interrupted(
            address.url,
            address.url_for_once,
            f"A snapshot of {recording.app}/{recording.environment}, {when}. Press Ctrl-C to end.",
            only_print=only_print,
        )


def _stay(engine: Engine, names: Names, selection: Selection, page: str, *, port: int, only_print: bool) -> None:
    with served(engine, names, selection, port=port, page=page) as (url, once):
        said = "The console of this environment. Press Ctrl-C to end it; what runs goes on."
        _until_interrupted(url, once, said, only_print=only_print)


def _until_interrupted(url: str, once: str, said: str, *, only_print: bool) -> None:
    stop, _ = interruptions(discard)
    typer.echo(url)
    typer.echo(said, err=True)
    show(once, only_print=only_print)
    stop.wait()
