"""`copilot-local open`: a service in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.cli.shell import completion
from emulator.cli.shell.browser import show
from emulator.cli.shell.chosen_environment import running_agent
from emulator.cli.shell.options import App, Env, Name, services_of
from emulator.errors import InputError, UsageError
from emulator.spelling import did_you_mean


def open(
    service: Annotated[
        str | None,
        typer.Argument(
            metavar="[SERVICE]",
            help="The service, where several answer to browsers.",
            autocompletion=completion.running_services,
        ),
    ] = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    console: Annotated[
        bool, typer.Option("--console", help="Open the console at the newest task of the service, until Ctrl-C.")
    ] = False,
    only_print: Annotated[bool, typer.Option("--print", help="Print the URL and open nothing.")] = False,
) -> None:
    """Open a running service in the browser, and print its URL."""
    chosen = services_of(name, service)
    if len(chosen) > 1:
        raise UsageError("one service at a time")
    if console:
        from emulator.cli.observe.console import console_of_service

        console_of_service(app, env, "".join(chosen), only_print=only_print)
        return
    with running_agent(app, env) as agent:
        urls = agent.urls()
        elsewhere = agent.engine.info().elsewhere
    if not urls:
        raise InputError("no service here has a load balancer", hint="give one an `http` section")
    if not chosen and len(urls) > 1:
        raise UsageError(f"several services answer: {', '.join(sorted(urls))}", hint="name one of them")
    wanted = chosen[0] if chosen else next(iter(urls))
    if wanted not in urls:
        raise InputError(
            f"no rule of the load balancer leads to {wanted}", hint=did_you_mean(wanted, urls, "services that have one")
        )
    typer.echo(urls[wanted])
    if elsewhere:
        typer.echo(f"127.0.0.1 is of {elsewhere}: `copilot-local forward` leads its ports here", err=True)
    show(urls[wanted], only_print=only_print)
