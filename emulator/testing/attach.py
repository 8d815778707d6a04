"""Joins an environment that runs already, as it is: nothing of it is planned, changed or asked for."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from emulator.app.selection import Selection
from emulator.app.tracing.tracer import desired_state
from emulator.engine.interface import ContainerState, Engine
from emulator.runtime.lifecycle.running import Running
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import observe
from emulator.workspace import find_workspace, resolve_app, resolve_environment


def running_environment(engine: Engine, selection: Selection, instance: str | None) -> Running | None:
    """The environment that the selection means, where it runs with every service that the selection names; else None.

    Raises what resolving the names of application and environment raises, and `EngineError`.
    """
    workspace = find_workspace(selection.start or Path.cwd())
    app = instance or resolve_app(workspace, selection.app)
    names = Names(app, resolve_environment(workspace, selection.environment))
    agent = observe(engine, names).agent
    if agent is None or agent.state is not ContainerState.RUNNING:
        return None
    state = desired_state(engine, agent)
    return Running(engine, names, state, None, False) if _has(state.services, selection.services) else None


def _has(running: Collection[str], wanted: Collection[str]) -> bool:
    return bool(running) and all(name in running for name in wanted)
