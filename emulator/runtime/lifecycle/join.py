"""Joins an environment that has an agent: the agent does the work, but for what services live with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from emulator.engine.interface import Container, ContainerState, Engine
from emulator.errors import Conflict, ContainerFailed, CopilotLocalError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.control import direct
from emulator.runtime.control.client import Agent, AgentBusy, AgentError
from emulator.runtime.health.container_failure import LAST_LINES, last_lines
from emulator.runtime.lifecycle.contention import Turns, is_orphaned
from emulator.runtime.specs.agent import agent_spec
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import observe

STOP_TIMEOUT = 5
AGENT_TIMEOUT = 60.0
"""Seconds that an agent which was just started may take to answer: a busy machine takes 20. One that ends is noticed at
once."""


@contextlib.contextmanager
def provision(engine: Engine, environment: Names, turns: Turns) -> Iterator[None]:
    """Within this block an agent that runs leaves what services live with to the caller; waits until other commands are
    done with that."""
    while True:
        agent = observe(engine, environment).agent
        if agent is None or agent.state is not ContainerState.RUNNING:
            yield
            return
        try:
            providing = Agent(engine, environment).provide()
        except AgentBusy:
            turns.pass_by(agent)
            continue
        with contextlib.closing(providing):
            yield
        return


def join(
    engine: Engine,
    environment: Names,
    agent: Container,
    state: DesiredState,
    private: Private,
    emit: Emit,
    *,
    wait: bool = True,
) -> None:
    """Sends what should run to the agent, and unless told otherwise waits until it runs. Raises `AgentError`;
    `AgentBusy` where another command is bringing the environment up."""
    if wait:
        Agent(engine, environment).apply(state, private, emit, orphaned=is_orphaned(agent))
    else:
        Agent(engine, environment).order(state, private)


def renew(engine: Engine, environment: Names, agent: Container, state: DesiredState, emit: Emit) -> bool:
    """Replaces an agent of another version: everything it knows is on its volume and in the containers. Returns whether
    it is of this one then, which it is not where a command is in charge. Raises `AgentError` where the new agent cannot
    take over."""
    if agent.image == state.agent_image:
        return True
    if Agent(engine, environment).status()["held"]:
        return False
    subject = "replace the agent by one of this version"
    emit(Event(EventKind.STEP_STARTED, subject))
    engine.stop(agent.id, STOP_TIMEOUT)  # it stores what load balancers have logged
    engine.remove(agent.id)  # not by its name, which another command's may have by now
    engine.ensure_volume(environment.connect_volume, environment.labels(Role.VOLUME))  # earlier versions have none
    with contextlib.suppress(Conflict):  # another command was faster
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
    return True


def agent_failed(engine: Engine, environment: Names, why: str) -> ContainerFailed:
    """An error for an agent that did not come up, with the last lines of its log."""
    lines = last_lines(engine, environment.agent, LAST_LINES)
    return ContainerFailed(f"the agent did not come up: {why}", container="agent", output=lines)
