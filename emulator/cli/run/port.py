"""`copilot-local port` and `forward`: where load balancers answer, and how that leads to a daemon elsewhere."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.shell.chosen_environment import chosen_environment
from emulator.cli.shell.container_names import refuse_unknown_service
from emulator.cli.shell.options import App, Env, Format, Name, OutputFormat
from emulator.errors import InputError, UsageError

if TYPE_CHECKING:
    from emulator.runtime.listeners.published import PublishedListener


def port(
    listener: Annotated[
        str | None,
        typer.Argument(
            metavar="[LISTENER]",
            help="http, https, internal-http, internal-https, or a port of a network load balancer, such as 5000 or "
            "53/udp. Else the first there is.",
        ),
    ] = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    every: Annotated[bool, typer.Option("--all", help="Every listener, one per line, with its service.")] = False,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Print the address of a load balancer, such as 127.0.0.1:8080."""
    from emulator.display.table import table, width_of
    from emulator.runtime.listeners.front_ports import published
    from emulator.runtime.state.observed import observe

    with chosen_environment(app, env) as (engine, names):
        observed = observe(engine, names)
    refuse_unknown_service(observed, name)
    found = published(observed)
    found = [one for one in found if name is None or one.service == name]
    if not found:
        raise InputError(
            "no load balancer is running", hint="`copilot-local up -d` starts one where a service has `http` or `nlb`"
        )
    if every and listener is not None:
        raise UsageError("--all cannot be combined with a listener")
    chosen = found if listener is None else _named(found, listener)
    if format is OutputFormat.JSON:
        typer.echo(json.dumps([asdict(one) for one in chosen], indent=2))
    elif every:
        rows = [[one.name, one.service, _address(one)] for one in chosen]
        typer.echo(table(["LISTENER", "SERVICE", "ADDRESS"], rows, width=width_of(sys.stdout)))
    else:
        typer.echo(_address(chosen[0]))


def forward(app: App = None, env: Env = None) -> None:
    """Lead ports of this machine to an environment on a Docker daemon elsewhere, until Ctrl-C."""
    from emulator.cli.shell.interrupt import interruptions
    from emulator.display import make_display
    from emulator.runtime.control.client import agent_of
    from emulator.runtime.control.forward import LOOPBACK, Forwarding

    with closing(make_display()) as display, chosen_environment(app, env) as (engine, names):
        agent_of(engine, names)
        with closing(Forwarding(engine, names, display.emit).start()) as found:
            elsewhere = engine.info().elsewhere
            if not found.ports:
                why = "no port is published, or each is taken here" if elsewhere else "the Docker daemon runs here"
                raise InputError(f"nothing is led here: {why}", hint="`copilot-local ps` shows where services answer")
            stop, _ = interruptions(display.emit)
            for one in found.ports:
                typer.echo(f"{LOOPBACK}:{one}")
            typer.echo(f"Led to {elsewhere or engine.info().host}. Press Ctrl-C to end it.", err=True)
            stop.wait()


def _named(found: list[PublishedListener], listener: str) -> list[PublishedListener]:
    wanted = listener.lower()
    if wanted == "internal":
        wanted = "internal-http"
    chosen = [one for one in found if wanted in (one.name, str(one.port) if one.service else one.name)]
    if len(chosen) == 1:
        return chosen
    there = ", ".join(f"{one.name} of {one.service}" if one.service else one.name for one in found)
    if not chosen:
        hint = f"there are: {there}; `copilot-local open --print SERVICE` prints where a service answers"
        raise UsageError(f"there is no listener {listener}", hint=hint)
    raise UsageError(f"several listeners are called {listener}", hint=f"choose with -n or the protocol: {there}")


def _address(listener: PublishedListener) -> str:
    return f"{listener.host_ip}:{listener.host_port}"
