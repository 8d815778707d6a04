"""`copilot-local traces config`: what a collector reads when deployed, what runs in its place, and why they differ."""

from __future__ import annotations

import json
import textwrap

import typer

from emulator.app.load import load_services
from emulator.app.selection import Selection
from emulator.cli.shell.options import services_of
from emulator.errors import InputError
from emulator.traces.describing import Described, describe

_WIDTH = 80


def print_config(app: str | None, env: str | None, service: str | None, *, as_json: bool) -> None:
    """Prints it of every collector of the chosen services. Raises InputError where there is none."""
    from emulator.display import make_display

    loaded = load_services(Selection(app, env, services_of(service)), make_display().emit)
    found = [
        (one.service.name, described)
        for one in loaded
        for described in describe(one.service.task_definition, one.settings.traces)
    ]
    if not found:
        hint = "`observability: {tracing: awsxray}` adds one, or a sidecar with the image of a collector"
        raise InputError("no service has a collector of traces", hint=hint)
    if as_json:
        typer.echo(json.dumps([{"service": name, **one.as_plain()} for name, one in found], indent=2))
        return
    for number, (name, one) in enumerate(found):
        if number:
            typer.echo()
        _print(name, one)


def _print(service: str, one: Described) -> None:
    typer.echo(f"# ---- {service}/{one.container}: what the deployed collector reads ----")
    typer.echo(_comment(one.source, "# ", "# "))
    typer.echo(one.deployed.rstrip() or "# (not known here)")
    typer.echo(f"\n# ---- in use here: {one.policy} ----")
    typer.echo(one.local.rstrip() if one.policy == "real" else _comment(one.local, "# ", "# "))
    typer.echo("\n# ---- the differences ----")
    for number, text in enumerate(one.differences, start=1):
        typer.echo(_comment(text, f"# {number}. ", "#    "))


def _comment(text: str, first: str, others: str) -> str:
    """A sentence as a comment, whose lines fit."""
    lines = textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
    return "\n".join(lines)
