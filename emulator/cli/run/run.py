"""`copilot-local run`: a Scheduled Job, once, now."""

from __future__ import annotations

import contextlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from emulator.app.selection import Selection
from emulator.app.up_request import UpOptions, up_request
from emulator.cli.run.trust_workspace import with_trust
from emulator.cli.shell import completion
from emulator.cli.shell.interrupt import interruptions
from emulator.cli.shell.missing_on_machine import look_without_ports
from emulator.cli.shell.options import (
    App,
    Credentials,
    Env,
    EnvFiles,
    NewEnv,
    Quiet,
    Replacements,
    Router,
    Secrets,
    Strict,
    Variables,
    assignments,
    env_files_of,
    variables_of,
)
from emulator.cli.shell.secret_prompt import secret_choice
from emulator.errors import UsageError


def run(
    job: Annotated[
        str,
        typer.Argument(help="The job: a folder of copilot/, or a manifest's path.", autocompletion=completion.services),
    ],
    app: App = None,
    env: Env = None,
    new_env: NewEnv = False,
    env_file: EnvFiles = None,
    variables: Variables = None,
    images: Replacements = None,
    credentials: Credentials = None,
    secrets: Secrets = None,
    strict: Strict = False,
    router: Router = False,
    quiet: Quiet = False,
) -> None:
    """Run a Scheduled Job once, show its logs, and exit with its code."""
    from emulator.display import make_display
    from emulator.engine.connect import connect
    from emulator.runtime.images.resolver import check_logins
    from emulator.runtime.lifecycle.jobs import run_job
    from emulator.runtime.secrets.sts import check_roles

    if job == "local":
        _refuse_other_word(job)
    choice = secret_choice(secrets)
    manifest_variables, env_files = env_files_of(env_file)
    selection = Selection(
        app,
        env,
        (job,),
        manifest_variables,
        variables=variables_of(variables),
        env_files=env_files,
        new_environment=new_env,
    )
    with closing(make_display(quiet=quiet)) as display:
        request = with_trust(
            lambda: up_request(
                selection,
                display.emit,
                UpOptions(
                    strict=strict,
                    replacements=assignments(images, "--image"),
                    foreground=True,
                    credentials=credentials,
                    secrets=choice,
                ),
                look=look_without_ports,
            )
        )
        request = replace(request, show_router=router)
        [service] = request.services
        if service.type != "Scheduled Job":
            raise UsageError(
                f"{service.name} is a {service.type}, not a job", hint=f"`copilot-local up {service.name}`"
            )
        with closing(connect()) as engine:
            check_roles(request.private)
            check_logins(engine, request)
            choice.ask = None
            interrupted, killed = interruptions(display.emit)
            code = run_job(engine, request, display.emit, interrupted=interrupted, killed=killed)
    raise typer.Exit(code)


def _refuse_other_word(job: str) -> None:
    """Raises UsageError for Copilot's `run local`, where no job has that name."""
    from emulator.cli.shell.foreign_words import refuse_verb
    from emulator.errors import InputError
    from emulator.workspace import find_workspace

    names: tuple[str, ...] = ()
    with contextlib.suppress(InputError):
        names = find_workspace(Path.cwd()).services
    if job not in names:
        refuse_verb(["run", job], names)
