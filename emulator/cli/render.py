"""`copilot-local render`: the same model that runs here, for a real deployment."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from emulator.cli.loading import Selection, assignments, load_one
from emulator.cli.options import App, Env, EnvFile, Name, Strict


def taskdef(
    service: Annotated[str | None, typer.Argument(help="The service, where the workspace has several.")] = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    env_file: EnvFile = None,
    strict: Strict = False,
    placeholders: Annotated[
        bool, typer.Option("--placeholders", help="Write ${NAME} for values that are only known when deployed.")
    ] = False,
    values: Annotated[
        list[str] | None,
        typer.Option("--value", metavar="NAME=VALUE", help="A value that is only known when deployed. Repeatable."),
    ] = None,
) -> None:
    """Print the task definition as JSON, as `aws ecs register-task-definition --cli-input-json` takes it."""
    from emulator.display import make_display
    from emulator.render.task_definition import render_task_definition, to_json

    given = assignments(values or [], "--value")
    display = make_display()
    services = tuple(dict.fromkeys(filter(None, (name, service))))
    loaded = load_one(Selection(app, env, services, env_file), display.emit, strict=strict)
    known = {**loaded.settings.values, **given}
    document = render_task_definition(loaded.service, known, placeholders=placeholders)
    sys.stdout.write(to_json(document))
