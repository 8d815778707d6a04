"""The environment that a verb's options choose, as it is in Docker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from emulator.loading import Selection, find_names

if TYPE_CHECKING:
    from emulator.engine.interface import Engine
    from emulator.runtime.control import Agent
    from emulator.runtime.names import Names


@contextmanager
def chosen_environment(app: str | None, env: str | None) -> Iterator[tuple[Engine, Names]]:
    """Docker, and the names of what the environment is made of. Raises what `find_names` raises, then
    EngineUnavailable."""
    from emulator.engine.connect import connect
    from emulator.runtime.names import Names

    names = Names(*find_names(Selection(app, env)))
    with closing(connect()) as engine:
        yield engine, names


@contextmanager
def running_agent(app: str | None, env: str | None) -> Iterator[Agent]:
    """The agent of the environment. Raises InputError where it does not run."""
    from emulator.runtime.control import agent_of

    with chosen_environment(app, env) as (engine, names):
        yield agent_of(engine, names)
