"""`copilot-local ps`: what runs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.shell import completion
from emulator.cli.shell.chosen_environment import chosen_environment, environment_names
from emulator.cli.shell.options import App, Env, Format, Name, OutputFormat, services_of
from emulator.errors import InputError, UsageError
from emulator.spelling import did_you_mean

if TYPE_CHECKING:
    from emulator.runtime.reports.overview_rows import Overview

DID_NOT_STAY = " did not stay: "
"""In the line about tasks of a service that ended one after the other."""
Task = dict[str, Any]
"""DescribeTasks' `Task`."""


def ps(
    service: Annotated[
        str | None, typer.Argument(help="Show this service only.", autocompletion=completion.running_services)
    ] = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    every: Annotated[bool, typer.Option("--all", help="Show stopped tasks and proxies too.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print the ids of the services' containers only.")
    ] = False,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Show the services of an environment, their tasks and containers, and where they answer."""
    from emulator.runtime.reports.overview_rows import of_service, to_plain

    if len(chosen := services_of(name, service)) > 1:
        raise UsageError("one service at a time")
    name = "".join(chosen) or None
    found, stopped = _looked(app, env, name, every=every)
    if name is not None:
        known = {row.name for row in found.services} | {row.service for row in found.containers if row.service}
        if known and name not in known:
            raise InputError(f"{name} does not run here", hint=did_you_mean(name, known, "services that run"))
        found = of_service(found, name)
    if quiet:
        from emulator.cli.observe.ps_table import is_own

        for row in found.containers:
            if row.service and not is_own(row):
                typer.echo(row.id)
        return
    if format is OutputFormat.JSON:
        content = {**to_plain(found), **({"stopped_tasks": stopped} if every else {})}
        typer.echo(json.dumps(content, indent=2))
        return
    _print(found, stopped, every=every)


def _looked(app: str | None, env: str | None, name: str | None, *, every: bool) -> tuple[Overview, list[Task]]:
    """What runs, and with `every` the tasks that have stopped: the agent's answer, otherwise Docker's listing."""
    from emulator.runtime.control import direct
    from emulator.runtime.reports.direct_overview import direct_overview, silent_here
    from emulator.runtime.reports.overview_rows import with_silent

    environment = environment_names(app, env)
    found = direct_overview(environment)
    if found is not None:
        answer = direct.answer(environment, "tasks", {"service": name or []}) if every else {"tasks": []}
        if answer is not None:
            found = with_silent(found, lambda listeners: silent_here(environment, listeners))
            return found, _stopped(answer["tasks"])
    from emulator.runtime.control.client import Agent
    from emulator.runtime.listeners.front_probe import is_local
    from emulator.runtime.listeners.probe import silent
    from emulator.runtime.reports.overview import overview

    with chosen_environment(app, env) as (engine, names):
        found = overview(engine, names, silent=silent if is_local(engine) else None)
        if (elsewhere := engine.info().elsewhere) and found.listeners:
            typer.echo(f"127.0.0.1 is of {elsewhere}: `copilot-local forward` leads its ports here", err=True)
        return found, _stopped(Agent(engine, names).tasks(name)) if every and found.supervised else []


def _stopped(tasks: list[Task]) -> list[Task]:
    return [task for task in tasks if task["lastStatus"] == "STOPPED"]


def _failures(found: Overview, stopped: list[Task]) -> list[str]:
    """What is wrong; not what the table of stopped tasks above says already."""
    from emulator.cli.observe.ps_table import service_of

    listed = {service_of(task) for task in stopped}
    return [line for line in found.failures if line.partition(": ")[0] not in listed or DID_NOT_STAY not in line]


def _print(found: Overview, stopped: list[Task], *, every: bool) -> None:
    from emulator.cli.observe.ps_table import container_lines, stopped_table, target_lines
    from emulator.display.colours import wants_colour
    from emulator.display.table import width_of, wrapped

    if not found.containers:
        typer.echo(f"Nothing is running in {found.app}/{found.environment}.", err=True)
        return
    colour, width = wants_colour(sys.stdout), width_of(sys.stdout)
    for line in container_lines(found, colour, every=every, width=width):
        typer.echo(line)
    if stopped:
        typer.echo("\n" + stopped_table(stopped, width))
    for line in (*target_lines(found), *_failures(found, stopped)):
        typer.echo(wrapped(line, width))
    for listener in found.listeners:
        if not listener.service:
            typer.echo(f"{listener.url} is the internal load balancer" if listener.is_internal else listener.url)
        else:
            typer.echo(f"{listener.url} is port {listener.name} of {listener.service}")
    if not found.supervised:
        typer.echo("no agent looks after it: `copilot-local up` or `copilot-local down`", err=True)
