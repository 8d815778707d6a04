"""`copilot-local port`: where the load balancer answers, for scripts."""

from __future__ import annotations

import typer

from emulator.cli.environment import chosen_environment
from emulator.cli.options import App, Env
from emulator.errors import InputError


def port(app: App = None, env: Env = None) -> None:
    """Print the address of the load balancer, such as 127.0.0.1:8080."""
    from emulator.runtime.observed import observe

    with chosen_environment(app, env) as (engine, names):
        front = observe(engine, names).front
    published = [port for port in front.ports if port.host_port] if front else []
    if not published:
        raise InputError(
            "no load balancer is running", hint="`copilot-local up -d` starts one where a service has `http`"
        )
    typer.echo(f"{published[0].host_ip}:{published[0].host_port}")
