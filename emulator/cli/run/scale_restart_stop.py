"""`copilot-local scale`, `restart`, `stop` and `deployment`: what is asked of an environment that runs."""

from __future__ import annotations

import enum
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.shell import completion
from emulator.cli.shell.chosen_environment import running_agent
from emulator.cli.shell.options import App, Env, Quiet, counts_of
from emulator.errors import InputError
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


class Answer(enum.StrEnum):
    """To the PAUSE hook of a deployment."""

    CONTINUE = "continue"
    ROLLBACK = "rollback"


def deployment(
    answer: Annotated[Answer, typer.Argument(metavar="ANSWER", help="What it is to do: continue or rollback.")],
    service: Annotated[
        str | None,
        typer.Argument(
            metavar="[SERVICE]",
            help="A service. Default: the one whose deployment waits.",
            autocompletion=completion.running_services,
        ),
    ] = None,
    app: App = None,
    env: Env = None,
) -> None:
    """Answer the PAUSE hook that a deployment waits at: let it go on, or back to the tasks before it."""
    with running_agent(app, env) as agent:
        agent.answer_hook(service or _waiting(agent), "CONTINUE" if answer is Answer.CONTINUE else "ROLLBACK")


def _waiting(agent: Agent) -> str:
    """The service whose deployment waits for an answer. Raises `InputError` unless there is one."""
    services = agent.status()["services"]
    found: list[str] = sorted(
        name for name, service in services.items() if (service.get("deployment") or {}).get("hook_until")
    )
    if len(found) != 1:
        raise InputError(
            f"{'several deployments wait' if found else 'no deployment waits'} for an answer",
            hint=f"name one of {', '.join(found)}" if found else "`copilot-local ps` says where deployments stand",
        )
    return found[0]


def _ask(app: str | None, env: str | None, quiet: bool, act: Callable[[Agent, Emit], None]) -> None:
    from emulator.display import make_display

    with closing(make_display(quiet=quiet)) as display, running_agent(app, env) as agent:
        act(agent, display.emit)
