"""`copilot-local api`: the ECS API for what runs on this machine."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from emulator.cli.shell.interrupt import interruptions
from emulator.events import discard

PORT = 4510


def api(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="PORT", help="Listen on this port of 127.0.0.1.")
    ] = PORT,
    variables: Annotated[
        bool, typer.Option("--variables", help="Print the variables that lead AWS's clients to it, and exit.")
    ] = False,
) -> None:
    """Answer the ECS API on 127.0.0.1 for every environment that runs on this machine, until Ctrl-C.

    Each environment is a cluster, APP-ENVIRONMENT. Every process of this machine can call it: it asks for no key.
    """
    if variables:
        _print_variables(port)
        return
    from emulator.api.serve import serving
    from emulator.engine.connect import connect

    stop, _ = interruptions(discard)
    with closing(connect()) as engine, serving(engine, port) as chosen:
        _print_variables(chosen)
        typer.echo("The ECS API of what runs on this machine. Press Ctrl-C to end it; what runs goes on.", err=True)
        stop.wait()


def _print_variables(port: int) -> None:
    from emulator.regions import DEFAULT_REGION

    address = f"http://127.0.0.1:{port}"
    for name, value in (
        ("AWS_ENDPOINT_URL_ECS", address),
        ("AWS_ENDPOINT_URL_STS", address),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_REGION", DEFAULT_REGION),
    ):
        typer.echo(f"export {name}={value}")
