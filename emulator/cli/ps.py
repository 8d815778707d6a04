"""`copilot-local ps`: what runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from emulator.cli.environment import chosen_environment
from emulator.cli.options import App, Env, Format, Name, OutputFormat

if TYPE_CHECKING:
    from emulator.runtime.overview import ContainerRow, Overview


def ps(app: App = None, env: Env = None, name: Name = None, format: Format = OutputFormat.TEXT) -> None:
    """Show the tasks of an environment, their containers, and where they answer."""
    from msgspec import to_builtins

    from emulator.runtime.overview import overview

    with chosen_environment(app, env) as (engine, names):
        found = overview(engine, names)
    rows = [row for row in found.containers if name is None or row.service == name]
    targets = [target for target in found.targets if name is None or target["service"] == name]
    if format is OutputFormat.JSON:
        content = {
            **to_builtins(found),
            "containers": [{**to_builtins(row), "created": row.created.isoformat()} for row in rows],
            "targets": targets,
        }
        typer.echo(json.dumps(content, indent=2))
        return
    _print(found, rows, targets, name)


def _print(found: Overview, rows: list[ContainerRow], targets: list[dict[str, str]], name: str | None) -> None:
    from emulator.display.table import table

    if not rows:
        typer.echo(f"nothing of {found.app}/{found.environment} is running", err=True)
        return
    tasks = [row for row in rows if row.service and row.name != "pause"]
    body = [[row.service, row.task_id[:8], row.name, _state(row), row.status] for row in tasks]
    body += [["", "", row.name, _state(row), row.status] for row in rows if not row.service]
    typer.echo(table(["SERVICE", "TASK", "CONTAINER", "STATE", "SINCE"], body))
    for target in targets:
        reason = f": {target['description']} ({target['reason_code']})" if target["description"] else ""
        typer.echo(f"target {target['name']} ({target['target_group']}) is {target['state']}{reason}")
    for failure in found.failures:
        typer.echo(failure)
    for listener in found.listeners:
        if not listener.service:
            typer.echo(listener.url)
        elif name in (None, listener.service):
            typer.echo(f"{listener.url} is port {listener.name} of {listener.service}")
    if not found.supervised:
        typer.echo("no agent looks after it: `copilot-local up` or `copilot-local down`", err=True)


def _state(row: ContainerRow) -> str:
    if row.exit_code is not None:
        return f"{row.state} ({row.exit_code})"
    return f"{row.state}, {row.health}" if row.health else row.state
