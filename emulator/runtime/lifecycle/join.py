"""Joins an environment that has an agent: the agent does the work."""

from __future__ import annotations

import contextlib

from emulator.engine.interface import Container, Engine
from emulator.errors import ContainerFailed, CopilotLocalError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.control import direct
from emulator.runtime.control.client import Agent, AgentError
from emulator.runtime.lifecycle.contention import is_orphaned
from emulator.runtime.specs.agent import agent_spec
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.names import Names

AGENT_TIMEOUT = 60.0
"""Seconds that an agent which was just started may take to answer: a busy machine takes 20. One that ends is noticed at
once."""


def join(
    engine: Engine, environment: Names, agent: Container, state: DesiredState, private: Private, emit: Emit
) -> None:
    """Sends what should run to the agent, and waits until it runs. Raises `AgentError`; `AgentBusy` where another
    command is bringing the environment up.

    An agent of another version is replaced first: everything it knows is on its volume and in the containers.
    """
    if agent.image != state.agent_image:
        _replace(engine, environment, agent, state, emit)
    Agent(engine, environment).apply(state, private, emit, orphaned=is_orphaned(agent))


def _replace(engine: Engine, environment: Names, agent: Container, state: DesiredState, emit: Emit) -> None:
    if Agent(engine, environment).status()["held"]:
        return  # its refusal says who is in charge
    subject = "replace the agent by one of this version"
    emit(Event(EventKind.STEP_STARTED, subject))
    engine.remove(agent.name)
    engine.create_container(agent_spec(engine, environment, state, direct.make_folder(environment, engine.info())))
    engine.start(environment.agent)
    try:
        Agent(engine, environment).status()
    except CopilotLocalError as error:
        emit(Event(EventKind.STEP_FAILED, subject, str(error)))
        raise AgentError(
            "what runs was started by another version of copilot-local, which this one cannot take over",
            hint="run `copilot-local down`, then `up` again; the log store is kept",
        ) from error
    emit(Event(EventKind.STEP_DONE, subject))


def agent_failed(engine: Engine, environment: Names, why: str) -> ContainerFailed:
    """An error for an agent that did not come up, with the last lines of its log."""
    lines: list[str] = []
    with contextlib.suppress(CopilotLocalError):
        lines = [line.text for line in engine.logs(environment.agent, tail=15)]
    return ContainerFailed(f"the agent did not come up: {why}", container="agent", output=lines)
