"""`copilot-local cp`: files into a container that runs, and out of it."""

from __future__ import annotations

import os
import re
import shutil
from typing import Annotated

import typer

from emulator.cli.shell.chosen_environment import chosen_environment
from emulator.cli.shell.completion import container_paths
from emulator.cli.shell.container_names import find_container, refuse_native
from emulator.cli.shell.options import App, Env, Name
from emulator.errors import InputError, UsageError

_IN_CONTAINER = re.compile(r"(?P<container>(?:[A-Za-z0-9_-]+/)?[A-Za-z0-9_-]+):(?P<path>.*)", re.DOTALL)
_FORM = "one of the two is CONTAINER:PATH, the other a path on this machine, or - for a tar archive"


def cp(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="CONTAINER:PATH, or a path here.", autocompletion=container_paths)
    ],
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="A path here, or CONTAINER:PATH.", autocompletion=container_paths)
    ],
    app: App = None,
    env: Env = None,
    name: Name = None,
) -> None:
    """Copy files or folders into a container or out of it, as `docker cp` does."""
    from emulator.runtime.state.observed import observe

    ends = [_IN_CONTAINER.fullmatch(end) for end in (source, target)]
    if bool(ends[0]) == bool(ends[1]):
        raise UsageError(f"{source} and {target} are both {'in containers' if ends[0] else 'here'}", hint=_FORM)
    docker = shutil.which("docker")
    if docker is None:
        raise InputError("`cp` needs the docker command", hint="install it; it knows links, owners and archives")
    words = [source, target]
    with chosen_environment(app, env) as (engine, names):
        observed = observe(engine, names)
        for index, end in enumerate(ends):
            if end is not None:
                member = find_container(observed, end["container"], name)
                refuse_native(member)
                words[index] = f"{member.container.name}:{end['path']}"
    os.execv(docker, ["docker", "cp", "--", *words])
