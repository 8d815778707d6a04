"""`copilot-local console`: an environment on a local web page."""

from __future__ import annotations

import ssl
from typing import Annotated

import typer

from emulator.app.selection import Selection
from emulator.cli.shell.browser import show
from emulator.cli.shell.chosen_environment import chosen_environment
from emulator.cli.shell.interrupt import interruptions
from emulator.cli.shell.options import App, Env
from emulator.events import discard


def console(
    app: App = None,
    env: Env = None,
    port: Annotated[
        int,
        typer.Option(
            "--port", min=0, max=65535, metavar="PORT", help="Listen on this port of 127.0.0.1. Default: a free one."
        ),
    ] = 0,
    only_print: Annotated[bool, typer.Option("--print", help="Print the URL and open nothing.")] = False,
) -> None:
    """Show an environment on a local web page, and act on it there, until Ctrl-C."""
    from emulator.console.serve import serving
    from emulator.setup.authority import ensure_authority

    def trust() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=ensure_authority().path)

    with (
        chosen_environment(app, env) as (engine, names),
        serving(engine, names, selection=Selection(app, env), port=port, trust=trust) as address,
    ):
        stop, _ = interruptions(discard)
        typer.echo(address.url)
        typer.echo("The console of this environment. Press Ctrl-C to end it; what runs goes on.", err=True)
        show(address.url, only_print=only_print)
        stop.wait()
