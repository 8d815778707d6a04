"""`copilot-local aws`: the AWS command line, against the environment's local endpoint."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from emulator.cli.shell.chosen_environment import chosen_environment
from emulator.cli.shell.options import App, Env
from emulator.errors import InputError, UsageError
from emulator.regions import LOCAL_KEY

_OTHERS = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
"""Variables of the shell that would lead to other keys."""


def aws(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARGUMENT...", help="What follows `aws`: a service, an operation, its options."),
    ] = None,
    app: App = None,
    env: Env = None,
) -> None:
    """Run the AWS command line against the local endpoint, with its keys.

    Verbs of Copilot's (`aws svc exec`) are told apart by their first word: the lines that take their place in AWS are
    printed, or run with `--run`.
    """
    from emulator.cli.leave.words import is_copilots

    if is_copilots(arguments or ()):
        from emulator.cli.leave.copilot_verbs import run_verb

        run_verb(arguments or (), app, env)
        return
    from emulator.events import discard
    from emulator.runtime.control.forward import forwarding
    from emulator.runtime.state import names as labels
    from emulator.runtime.state.observed import observe

    program = shutil.which("aws")
    if program is None:
        raise UsageError(
            "there is no `aws` on PATH", hint="install AWS's command line (version 2.13 or later, or 1.29 or later)"
        )
    with chosen_environment(app, env) as (engine, names):
        observed = observe(engine, names)
        elsewhere = engine.info().elsewhere
    port = observed.aws.labels.get(labels.AWS_PORT, "") if observed.aws is not None else ""
    if not port:
        raise InputError(
            "no local AWS endpoint is running for tasks",
            hint="`copilot-local up -d` starts one where a service has queues, topics or addons",
        )
    regions = (task.members for task in observed.tasks.values())
    region = next((_region(one.container.labels) for members in regions for one in members.values()), "us-east-1")
    sys.stdout.flush()
    variables = variables_for(os.environ, port, region)
    if not elsewhere:
        os.execve(program, [program, *(arguments or [])], variables)
    with chosen_environment(app, env) as (engine, names), forwarding(engine, names, discard):
        raise typer.Exit(subprocess.run([program, *(arguments or [])], env=variables, check=False).returncode)


def variables_for(environment: Mapping[str, str], port: str, region: str) -> dict[str, str]:
    """The variables that the AWS command line gets: the endpoint, its keys, the services' region unless the shell names
    one, and no pager."""
    kept = {name: value for name, value in environment.items() if name not in _OTHERS}
    given = {"AWS_DEFAULT_REGION": region} if "AWS_REGION" not in kept and "AWS_DEFAULT_REGION" not in kept else {}
    own = {"AWS_ACCESS_KEY_ID": LOCAL_KEY, "AWS_SECRET_ACCESS_KEY": LOCAL_KEY, "AWS_PAGER": ""}
    return {**kept, **given, **own, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}


def _region(labels: Mapping[str, str]) -> str:
    """The region in a task's ARN."""
    from emulator.runtime.state.names import ECS_TASK_ARN

    parts = labels.get(ECS_TASK_ARN, "").split(":")
    return parts[3] if len(parts) > 3 else "us-east-1"
