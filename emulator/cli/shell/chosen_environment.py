"""The environment that a verb's options choose, as it is in Docker."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.app.selection import Selection, find_names
from emulator.errors import InputError, UsageError

if TYPE_CHECKING:
    from emulator.engine.interface import Engine
    from emulator.runtime.control.client import Agent
    from emulator.runtime.state.names import Names


def environment_names(app: str | None, env: str | None) -> Names:
    """The names of what the environment is made of, without a look at Docker. Raises what `find_names` raises."""
    from emulator.runtime.state.names import Names

    return Names(*find_names(Selection(app, env)))


@contextmanager
def chosen_environment(app: str | None, env: str | None, *, runs: bool = False) -> Iterator[tuple[Engine, Names]]:
    """Docker, and the names of what the environment is made of; `runs` where it is known to. Raises what `find_names`
    raises, then EngineUnavailable."""
    from emulator.engine.connect import connect

    names = environment_names(app, env)
    with closing(connect()) as engine:
        if env is not None and not runs:
            _refuse_unknown(engine, names)
        yield engine, names


def _refuse_unknown(engine: Engine, names: Names) -> None:
    """Raises UsageError for an environment that neither Docker nor the workspace knows, where the workspace declares
    some."""
    from emulator.app.selection import others_declared
    from emulator.spelling import did_you_mean
    from emulator.workspace import find_workspace

    if engine.list_containers(names.labels()) or engine.list_volumes(names.labels()):
        return
    with contextlib.suppress(InputError):
        workspace = find_workspace(Path.cwd())
        if known := others_declared(workspace, names.environment):
            raise UsageError(
                f"there is no environment {names.environment}, and nothing runs in it",
                hint=f"{did_you_mean(names.environment, known, 'environments')}; `copilot-local ls` shows what runs",
            )


@contextmanager
def running_agent(app: str | None, env: str | None) -> Iterator[Agent]:
    """The agent of the environment. Raises InputError where it does not run."""
    from emulator.runtime.control.client import agent_of

    with chosen_environment(app, env) as (engine, names):
        yield agent_of(engine, names)
