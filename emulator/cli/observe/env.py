"""`copilot-local env`: the variables of a container, for a program that runs on this machine in its place."""

from __future__ import annotations

import enum
import os
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.shell.chosen_environment import chosen_environment
from emulator.cli.shell.completion import containers
from emulator.cli.shell.container_names import find_container
from emulator.cli.shell.foreign_words import SECOND_WORDS, refuse_verb
from emulator.cli.shell.options import App, Env, Name
from emulator.errors import CopilotLocalError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.runtime.reports.variables_here import Places, VariablesHere
    from emulator.runtime.state.observed import Observed


class VariablesFormat(enum.StrEnum):
    """How variables are written."""

    DOTENV = "dotenv"
    ENV = "env"
    SHELL = "shell"
    JSON = "json"


def env(
    container: Annotated[
        str,
        typer.Argument(
            help="The container's name in the manifest; the main container has its service's.",
            autocompletion=containers,
        ),
    ],
    app: App = None,
    env: Env = None,
    name: Name = None,
    format: Annotated[
        VariablesFormat,
        typer.Option(
            "--format",
            help="How to write them: dotenv (.env files), env (raw lines, for `docker run`), shell (export) or json.",
        ),
    ] = VariablesFormat.DOTENV,
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="FILE", help="Write a file that only you can read; secrets stand in it."),
    ] = None,
) -> None:
    """Print the variables of a container, for a program that runs on this machine in its place."""
    try:
        _print_or_write(container, app, env, name, format, into)
    except CopilotLocalError:
        if container in SECOND_WORDS["env"]:  # Copilot's `env ls`, where no container has that name
            refuse_verb(["env", container], ())
        raise


def _print_or_write(
    container: str, app: str | None, env: str | None, name: str | None, format: VariablesFormat, into: Path | None
) -> None:
    from emulator.display import make_display
    from emulator.events import Event, EventKind
    from emulator.runtime.reports.variables_here import variables_here, written
    from emulator.runtime.state.observed import observe

    with chosen_environment(app, env) as (engine, names):
        observed = observe(engine, names)
        member = find_container(observed, container, name)
        image = engine.image(member.container.image_id or member.container.image)
        own = dict(pair.split("=", 1) for pair in image.environment if "=" in pair) if image is not None else {}
        given = engine.variables(member.container.name)
    found = variables_here(given, own, _places(observed, member.container.labels))
    text = written(found.values, format)
    with closing(make_display("text", quiet=False)) as display:
        native = _is_native(observed)
        for variable, host in _warned(found, written=into is not None or native, format=format).items():
            what = f"{host} is known to tasks only; its value is the container's"
            display.emit(Event(EventKind.WARNING, variable, what, {"hint": _hint(container, observed)}))
    if into is None:
        typer.echo(text, nl=False)
        return
    _write(into, text if format is VariablesFormat.JSON else f"{_comments(container, found)}{text}")


def _warned(found: VariablesHere, *, written: bool, format: VariablesFormat) -> dict[str, str]:
    """Of the variables with a value that only tasks know those that are warned of. Who only looks is told of none; what
    every task has, Copilot's own, matters to few programs: that is said where the variables are `written` for one, or
    one runs already."""
    if written:
        return found.unreachable
    from emulator.runtime.reports.variables_here import NAMESPACE

    looks = format is VariablesFormat.DOTENV and sys.stdout.isatty()
    return {} if looks else {name: host for name, host in found.unreachable.items() if name != NAMESPACE}


def _is_native(observed: Observed) -> bool:
    """Whether a program of this machine runs in place of a container."""
    from emulator.runtime.state.names import NATIVE

    return any(NATIVE in task.pause.labels for task in observed.tasks.values() if task.pause is not None)


def _hint(container: str, observed: Observed) -> str:
    if _is_native(observed):
        return "a value with host and port of what `up` publishes is put in place: docs/how-to/native.md"
    return f"`copilot-local up -d --native {container}=PORT` publishes what other services serve"


def _places(observed: Observed, labels: Mapping[str, str]) -> Places:
    """What the task of a container with those labels reaches, and where that is on this machine."""
    from emulator.runtime.listeners.front_ports import published
    from emulator.runtime.listeners.native_ports import balancer_ports, read_label
    from emulator.runtime.reports.variables_here import Places
    from emulator.runtime.state.names import CONTAINER, NATIVE

    text = labels.get(NATIVE, "")
    outlets = read_label(text)[1] if text else {}
    for container in observed.beside:  # Compose has published what their file says
        outlets |= {
            (container.labels.get(CONTAINER, ""), port.container_port): port.host_port
            for port in container.ports
            if port.host_port and port.protocol == "tcp"
        }
    return Places(outlets, balancer_ports(published(observed)))


def _comments(container: str, found: VariablesHere) -> str:
    lines = [f"# `copilot-local env {container}` wrote this. Secrets stand in it."]
    lines += [f"# {name}: {host} is known to tasks only" for name, host in found.unreachable.items()]
    if found.left_out:
        lines.append(f"# left out, since only a task has what they lead to: {', '.join(sorted(found.left_out))}")
    return "".join(f"{line}\n" for line in lines)


def _write(file: Path, text: str) -> None:
    """Writes a file that only this user reads, whole or not at all. Raises InputError where that fails."""
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as new:
            new.write(text)
        os.replace(temporary, file)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise InputError(f"cannot write {file}: {error.strerror}") from None
