"""`copilot-local run`: a Scheduled Job, once, now."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.cli.interrupt import interruptions
from emulator.cli.loading import Selection, assignments, up_request
from emulator.cli.options import App, Env, EnvFile, Strict
from emulator.errors import UsageError
from emulator.events import Event, EventKind


def run(
    job: Annotated[str, typer.Argument(help="The job: a folder of copilot/, or a manifest's path.")],
    app: App = None,
    env: Env = None,
    env_file: EnvFile = None,
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--image", metavar="NAME=REF_OR_FOLDER", help="Run a container from this image or folder. Repeatable."
        ),
    ] = None,
    strict: Strict = False,
) -> None:
    """Run a Scheduled Job once, show its logs, and exit with its code."""
    from emulator.display import make_display
    from emulator.engine.connect import connect
    from emulator.runtime.jobs import run_job

    display = make_display("text")
    try:
        request = up_request(
            Selection(app, env, (job,), env_file),
            display.emit,
            strict=strict,
            replacements=assignments(images or [], "--image"),
            foreground=True,
            credentials="none",
        )
        if request.settings.credentials.source != "none":
            message = "a job that is run once gets no credentials yet: [credentials] is for services"
            display.emit(Event(EventKind.WARNING, job, message))
        [service] = request.services
        if service.type != "Scheduled Job":
            raise UsageError(
                f"{service.name} is a {service.type}, not a job", hint=f"`copilot-local up {service.name}`"
            )
        engine = connect()
        interrupted, killed = interruptions(display.emit)
        code = run_job(engine, request, display.emit, interrupted=interrupted, killed=killed)
        engine.close()
    finally:
        display.close()
    raise typer.Exit(code)
