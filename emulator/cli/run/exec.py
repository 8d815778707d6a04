"""`copilot-local exec`: a command in a container that runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.shell import completion
from emulator.cli.shell.chosen_environment import chosen_environment
from emulator.cli.shell.completion import containers
from emulator.cli.shell.container_names import find_container, refuse_native
from emulator.cli.shell.options import App, Name
from emulator.errors import EngineError, Unsupported, UsageError

if TYPE_CHECKING:
    from emulator.engine.interface import CommandStream

_NO_END = (
    "over TLS the command does not see the end of its input: one that reads to the end waits for ever "
    "(`docker exec -i` passes the end on)"
)
_CHUNK = 65536
_STDERR = 2


def exec(
    container: Annotated[
        str, typer.Argument(help="The container's name in the manifest, or SERVICE/NAME.", autocompletion=containers)
    ],
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND]...", help="Default: a shell. Options before it are ours, those after it its own."
        ),
    ] = None,
    app: App = None,
    env: Annotated[
        list[str] | None,
        typer.Option(
            "--env",
            "-e",
            metavar="NAME|VARIABLE=VALUE",
            autocompletion=completion.environments,
            help="NAME: the environment, as for other verbs (COPILOT_LOCAL_ENV). VARIABLE=VALUE: a variable of the "
            "command. Repeatable.",
        ),
    ] = None,
    name: Name = None,
    user: Annotated[
        str, typer.Option("--user", "-u", metavar="USER[:GROUP]", help="Run as this user. Default: the container's.")
    ] = "",
    folder: Annotated[
        str, typer.Option("--workdir", "-w", metavar="FOLDER", help="Run in this folder. Default: the container's.")
    ] = "",
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="As for `docker exec`: standard input is passed on anyway.")
    ] = False,
    terminal: Annotated[
        bool | None, typer.Option("--tty/--no-tty", "-t/-T", help="Use this terminal. Default: where there is one.")
    ] = None,
) -> None:
    """Run a command in a container, with this terminal where there is one."""
    from emulator.engine.interface import ExecSetting
    from emulator.runtime.state.observed import observe

    del interactive
    environment, variables = _environment_and_variables(env or [])
    setting = ExecSetting(user, folder, variables)
    with chosen_environment(app, environment) as (engine, names):
        member = find_container(observe(engine, names), container, name)
        refuse_native(member)
        words = command or ["sh"]
        docker = shutil.which("docker")
        here = sys.stdin.isatty() and sys.stdout.isatty()
        if terminal and not here:
            raise UsageError("-t needs a terminal, and there is none here", hint="leave it out")
        if docker is None or not here or terminal is False:
            with closing(engine.exec_command(member.container.name, words, setting)) as stream:
                raise typer.Exit(_pass_through(stream))
    # The docker command already knows terminals, their size and their signals.
    options = [*(["--user", user] if user else []), *(["--workdir", folder] if folder else [])]
    for variable in variables:
        options += ["--env", variable.partition("=")[0]]  # its value stays out of the command line
    given = dict(variable.split("=", 1) for variable in variables)
    os.execve(docker, ["docker", "exec", "-it", *options, member.container.name, *words], {**os.environ, **given})


def _environment_and_variables(values: list[str]) -> tuple[str | None, tuple[str, ...]]:
    """What `-e` means: the name of an environment has no `=`."""
    names = [value for value in values if "=" not in value]
    if len(names) > 1:
        raise UsageError(f"-e names two environments: {' and '.join(names)}")
    variables = tuple(value for value in values if "=" in value)
    return (names[0] if names else os.environ.get("COPILOT_LOCAL_ENV")), variables


def _pass_through(stream: CommandStream) -> int:
    """Standard input to the command and its output back, until it ends. Returns its exit code."""
    threading.Thread(target=_feed, args=(stream,), daemon=True).start()
    for number, data in stream.frames():
        output = sys.stderr.buffer if number == _STDERR else sys.stdout.buffer
        output.write(data)
        output.flush()
    return stream.wait()


def _feed(stream: CommandStream) -> None:
    """Beside the output: the input may never end (a service's, an open pipe's), and the command may not want it."""
    fed = False
    with contextlib.suppress(OSError, ValueError, EngineError):
        if not sys.stdin.isatty():
            # Not through `sys.stdin`: its lock would be held by this thread when the process ends.
            while data := os.read(sys.stdin.fileno(), _CHUNK):
                fed = True
                stream.write(data)
        try:
            stream.close_stdin()
        except Unsupported:
            if fed:
                typer.echo(f"warning: {_NO_END}", err=True)
