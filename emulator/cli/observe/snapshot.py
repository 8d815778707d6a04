"""`copilot-local snapshot`: what the console shows of an environment, in one file that another console opens."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from emulator.app.selection import Selection
from emulator.cli.observe.export import file_for, known_secrets, tell_unsafe
from emulator.cli.shell.chosen_environment import chosen_environment
from emulator.cli.shell.options import App, Env, EnvFile
from emulator.errors import InputError


def snapshot(
    app: App = None,
    env: Env = None,
    env_file: EnvFile = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write this file. Default: copilot-local-APP-ENV-TIME.ndjson here."
        ),
    ] = None,
) -> None:
    """Write what the console shows into one file, which `console --snapshot FILE` opens anywhere; no secrets."""
    from emulator.console.recording import write
    from emulator.runtime.reports.redact import Redactor
    from emulator.runtime.reports.support_bundle import secrets_of_environment
    from emulator.runtime.state.observed import observe

    with chosen_environment(app, env) as (engine, names):
        if not observe(engine, names).containers:
            raise InputError(f"nothing is running in {names.app}/{names.environment}")
        selection = Selection(names.app, names.environment, env_file=env_file)
        target = file_for(output, names, datetime.now().astimezone(), "ndjson")
        redact = Redactor([*known_secrets(selection), *secrets_of_environment(engine, names)])
        typer.echo("looking for some seconds …", err=True)
        problems = write(engine, names, selection, redact, target)
    typer.echo(str(target))
    for problem in problems:
        typer.echo(f"missing from it: {problem}", err=True)
    tell_unsafe(redact)
