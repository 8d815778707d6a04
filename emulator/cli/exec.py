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

from emulator.cli.choices import containers
from emulator.cli.containers import find_container
from emulator.cli.environment import chosen_environment
from emulator.cli.options import App, Env, Name
from emulator.errors import EngineError

if TYPE_CHECKING:
    from emulator.engine.interface import ExecStream

_CHUNK = 65536


def exec(
    container: Annotated[str, typer.Argument(help="The container's name in the manifest.", autocompletion=containers)],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]...", help="Else a shell. After `--` if it has options.")
    ] = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
) -> None:
    """Run a command in a container, with this terminal where there is one."""
    from emulator.runtime.observed import observe

    with chosen_environment(app, env) as (engine, names):
        member = find_container(observe(engine, names), container, name)
        words = command or ["sh"]
        docker = shutil.which("docker")
        if docker is None or not (sys.stdin.isatty() and sys.stdout.isatty()):
            with closing(engine.exec_stream(member.container.name, words)) as stream:
                raise typer.Exit(_pass_through(stream))
    # The docker command already knows terminals, their size and their signals.
    os.execv(docker, ["docker", "exec", "-it", member.container.name, *words])


def _pass_through(stream: ExecStream) -> int:
    """Standard input to the command and its output back, until it ends. Returns its exit code."""
    threading.Thread(target=_feed, args=(stream,), daemon=True).start()
    for line in stream.lines():
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()
    sys.stderr.buffer.write(stream.error_output())
    return stream.exit_code() or 0


def _feed(stream: ExecStream) -> None:
    """Beside the output: the input may never end (a service's, an open pipe's), and the command may not want it."""
    with contextlib.suppress(OSError, ValueError, EngineError):
        if not sys.stdin.isatty():
            # Not through `sys.stdin`: its lock would be held by this thread when the process ends.
            while data := os.read(sys.stdin.fileno(), _CHUNK):
                stream.write(data)
        stream.close_stdin()
