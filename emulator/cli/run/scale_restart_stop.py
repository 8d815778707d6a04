"""`copilot-local scale`, `restart` and `stop`: what is asked of an environment that runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.shell import completion
from emulator.cli.shell.chosen_environment import running_agent
from emulator.cli.shell.options import App, Env, Quiet, counts_of
from emulator.events import Emit

if TYPE_CHECKING:
    from emulator.runtime.control.client import Agent


def scale(
    counts: Annotated[
        list[str],
        typer.Argument(
            metavar="SERVICE=N...", help="How many tasks of which service.", autocompletion=completion.scales
        ),
    ],
    app: App = None,
    env: Env = None,
    quiet: Quiet = False,
) -> None:
    """Set how many tasks of a service run, until the next `up` of it."""
    wanted = counts_of(counts, "scale")
    _ask(app, env, quiet, lambda agent, emit: agent.scale(wanted, emit))


def restart(
    services: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SERVICE]...", help="Services. Default: all.", autocompletion=completion.running_services
        ),
    ] = None,
    app: App = None,
    env: Env = None,
    quiet: Quiet = False,
) -> None:
    """Replace the tasks of services by new ones: the new are healthy before the old stop."""
    _ask(app, env, quiet, lambda agent, emit: agent.restart(services or [], emit))


def stop(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="SERVICE|TASK...",
            help="A service: no task of it runs any more. A task: it is replaced.",
            autocompletion=completion.services_and_tasks,
        ),
    ],
    app: App = None,
    env: Env = None,
    quiet: Quiet = False,
) -> None:
    """Stop services, or single tasks by their ids; the network and the other services stay."""

    def act(agent: Agent, emit: Emit) -> None:
        running = agent.status()["services"]
        if services := [name for name in names if name in running]:
            agent.scale(dict.fromkeys(services, 0), emit)
        for name in names:
            if name not in running:
                agent.stop_task(name, emit)

    _ask(app, env, quiet, act)


def _ask(app: str | None, env: str | None, quiet: bool, act: Callable[[Agent, Emit], None]) -> None:
    from emulator.display import make_display

    with closing(make_display(quiet=quiet)) as display, running_agent(app, env) as agent:
        act(agent, display.emit)
