"""`copilot-local exec`: a command in a container that runs."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.loading import Selection, find_names
from emulator.cli.options import App, Env, Name
from emulator.errors import InputError

if TYPE_CHECKING:
    from emulator.runtime.observed import Member, Observed


def exec(
    container: Annotated[str, typer.Argument(help="The container's name in the manifest.")],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]...", help="Else a shell. After `--` if it has options.")
    ] = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
) -> None:
    """Run a command in a container, with this terminal where there is one."""
    from emulator.engine.connect import connect
    from emulator.runtime.names import Names
    from emulator.runtime.observed import observe

    engine = connect()
    member = _find(observe(engine, Names(*find_names(Selection(app, env)))), container, name)
    words = command or ["sh"]
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    docker = shutil.which("docker")
    if terminal and docker:
        # The docker command already knows terminals, their size and their signals.
        engine.close()
        os.execv(docker, ["docker", "exec", "-it", member.container.name, *words])
    stream = engine.exec_stream(member.container.name, words)
    if not sys.stdin.isatty():
        stream.write(sys.stdin.buffer.read())
    stream.close_stdin()
    for line in stream.lines():
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()
    sys.stderr.buffer.write(stream.error_output())
    code = stream.exit_code()
    stream.close()
    engine.close()
    raise typer.Exit(code or 0)


def _find(observed: Observed, container: str, service: str | None) -> Member:
    """The container in the newest task. Raises `InputError` where none runs or several services have one."""
    found = [
        (task, member)
        for task in observed.tasks.values()
        if service in (None, task.service)
        for member in task.members.values()
        if member.name == container and member.running
    ]
    services = sorted({task.service for task, _ in found})
    if len(services) > 1:
        raise InputError(f"{container} runs in {' and '.join(services)}", hint="choose a service with -n")
    if not found:
        names = sorted({m.name for t in observed.tasks.values() for m in t.members.values() if m.running})
        raise InputError(f"no container {container} is running", hint=f"running: {', '.join(names) or 'none'}")
    return max(found, key=lambda item: item[1].container.created)[1]
