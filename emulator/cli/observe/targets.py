"""`copilot-local targets`: the load balancer's targets and their health."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import typer

from emulator.cli.shell.chosen_environment import environment_names, running_agent
from emulator.cli.shell.options import App, Env, Format, OutputFormat


def targets(app: App = None, env: Env = None, format: Format = OutputFormat.TEXT) -> None:
    """Show the load balancers' targets with their health, in the words of `describe-target-health`."""
    from emulator.display.table import table, width_of
    from emulator.runtime.reports.overview_rows import STARTED_ANEW

    found, problems = _looked(app, env)
    for port, why in problems.items():
        typer.echo(f"warning: 127.0.0.1:{port} does not answer: {why}; {STARTED_ANEW}", err=True)
    if format is OutputFormat.JSON:
        typer.echo(json.dumps(found, indent=2))
        return
    columns = ["service", "load_balancer", "target_group", "name", "state", "reason_code", "description"]
    rows = [[row[column] for column in columns] for row in found]
    titles = ["SERVICE", "LOAD BALANCER", "TARGET GROUP", "TARGET", "STATE", "REASON", "DESCRIPTION"]
    typer.echo(table(titles, rows, width=width_of(sys.stdout)))


def _looked(app: str | None, env: str | None) -> tuple[Sequence[dict[str, Any]], dict[int, str]]:
    """The targets, and by host port why a load balancer does not answer: the agent's answer, otherwise Docker's."""
    from emulator.runtime.reports.direct_overview import direct_overview, silent_here

    environment = environment_names(app, env)
    if (direct := direct_overview(environment)) is not None:
        return direct.targets, silent_here(environment, direct.listeners)
    from emulator.runtime.listeners.front_ports import published
    from emulator.runtime.listeners.front_probe import is_local
    from emulator.runtime.listeners.probe import silent
    from emulator.runtime.state.observed import observe

    with running_agent(app, env) as agent:
        targets: Sequence[dict[str, Any]] = agent.status()["targets"]
        listeners = published(observe(agent.engine, agent.names), running=True) if is_local(agent.engine) else []
    return targets, silent(listeners)
