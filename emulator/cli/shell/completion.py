"""Shell completion: the names that exist here and now.

A completion that fails prints nothing: an error would break the command line being typed. Docker gets a short timeout,
since the user is waiting.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from emulator.runtime.state.observed import Observed
    from emulator.workspace import Workspace

LOOK_TIMEOUT = 2.0
"""Seconds after which nothing is offered."""


def services(incomplete: str) -> list[str]:
    """The services and jobs of the workspace."""
    return _offer(lambda: _workspace().services, incomplete)


def environments(incomplete: str) -> list[str]:
    """The environments of the workspace."""
    return _offer(lambda: _workspace().environments, incomplete)


def scales(ctx: typer.Context, incomplete: str) -> list[str]:
    """The services that have a task, each with the sign that its new number follows."""
    return _offer(lambda: {f"{task.service}=" for task in _observed(ctx).tasks.values()}, incomplete)


def running_services(ctx: typer.Context, incomplete: str) -> list[str]:
    """The services that have a task."""
    return _offer(lambda: {task.service for task in _observed(ctx).tasks.values()}, incomplete)


def services_and_tasks(ctx: typer.Context, incomplete: str) -> list[str]:
    """The services that have a task and the short ids of the tasks, for a verb that takes either."""
    return _offer(
        lambda: {name for task in _observed(ctx).tasks.values() for name in (task.service, task.short_id)}, incomplete
    )


def containers(ctx: typer.Context, incomplete: str) -> list[str]:
    """The containers that run, by their names in the manifest."""
    return _offer(lambda: _container_names(ctx), incomplete)


def container_paths(ctx: typer.Context, incomplete: str) -> list[str]:
    """The containers that run, each with the colon that a path in it follows; and files here, as shells offer them."""
    here = Path(incomplete).parent if incomplete else Path()
    files = [str(path) + ("/" if path.is_dir() else "") for path in here.glob("*")] if here.is_dir() else []
    return _offer(lambda: [f"{name}:" for name in _container_names(ctx)] + files, incomplete)


def _container_names(ctx: typer.Context) -> set[str]:
    return {m.name for task in _observed(ctx).tasks.values() for m in task.members.values() if m.running}


def _workspace() -> Workspace:
    from emulator.workspace import find_workspace

    return find_workspace(Path.cwd())


def _observed(ctx: typer.Context) -> Observed:
    from emulator.cli.shell.chosen_environment import chosen_environment
    from emulator.runtime.state.observed import observe

    app, env = (_name(ctx.params.get(name)) for name in ("app", "env"))
    with chosen_environment(app, env) as (engine, names):
        return observe(engine, names)


def _name(value: object) -> str | None:
    """The name that an option gives; `-e` of `exec` gives variables too, which have a `=`."""
    values = value if isinstance(value, list | tuple) else [value]
    return next((one for one in values if isinstance(one, str) and "=" not in one), None)


def _offer(find: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    """The names that begin so; none where finding them fails or takes too long."""
    found: list[str] = []

    def look() -> None:
        with contextlib.suppress(Exception):
            found.extend(sorted(name for name in find() if name.startswith(incomplete)))

    # A daemon thread: a daemon that hangs does not keep the shell waiting.
    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(LOOK_TIMEOUT)
    return list(found)
