"""Provides an agent for a one-off task: it answers the task's requests at 169.254.170.2.

Where services run, their agent does. Where none runs, an agent is created for the duration of the task.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from emulator.engine.interface import Container, ContainerState, Engine
from emulator.errors import Conflict, CopilotLocalError, EngineError
from emulator.events import Emit
from emulator.runtime.control import direct
from emulator.runtime.control.client import Agent, Attendance
from emulator.runtime.control.leases import close_when_made
from emulator.runtime.lifecycle.contention import Turns
from emulator.runtime.lifecycle.join import AGENT_TIMEOUT, agent_failed
from emulator.runtime.specs.agent import agent_spec
from emulator.runtime.specs.log_store import agent_volumes, data_volumes
from emulator.runtime.state.desired import DesiredService, DesiredState, Private
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import observe


@contextlib.contextmanager
def attended(
    engine: Engine,
    environment: Names,
    state: DesiredState,
    desired: DesiredService,
    private: Private,
    emit: Emit,
    cancelled: threading.Event,
) -> Iterator[Attendance]:
    """Within this block there are the environment's network, its log store and an agent that knows of the service.

    Removes afterwards what was made for it, except for the log store, unless another command uses it by then. Raises
    `ContainerFailed` where the agent does not come up, and `Cancelled`.
    """
    try:
        made = _ensure_agent(engine, environment, state, Turns(engine, environment, emit, cancelled))
        try:
            attendance = _attend(engine, environment, desired, private)
        except BaseException:
            if made:
                engine.remove(made)
            raise
        with contextlib.closing(attendance):
            yield attendance
    finally:
        _leave(engine, environment)


def ensure_empty(
    engine: Engine, environment: Names, state: DesiredState, emit: Emit, cancelled: threading.Event
) -> None:
    """Makes an environment of no services that waits for orders, unless one runs; an agent that has stopped goes on.

    It stays until `down`. `state` has the images. Raises `ContainerFailed` where the agent does not come up, and
    `Cancelled`.
    """
    made = _ensure_agent(engine, environment, state, Turns(engine, environment, emit, cancelled))
    if not made:
        return
    try:
        Agent(engine, environment).status()
    except EngineError as error:
        raise agent_failed(engine, environment, error.message) from error


def _ensure_agent(engine: Engine, environment: Names, state: DesiredState, turns: Turns) -> str:
    """Makes network and log store, and makes or starts the agent unless it runs; returns the id of one that was made,
    else an empty text."""
    while True:
        agent = turns.observe().agent
        with direct.alone(environment):  # what is made here is not taken for what another command has left
            engine.ensure_network(environment.network, environment.labels(Role.NETWORK))
            for volume, labels in data_volumes(environment).items():
                engine.ensure_volume(volume, labels)
            if agent is not None and agent.state is ContainerState.RUNNING:
                return ""
            if agent is not None and agent.state is not ContainerState.CREATED:
                engine.start(agent.id)  # it goes on with what it knows
                return ""
            with contextlib.suppress(Conflict):  # another command was faster
                return _make_agent(engine, environment, state, agent)


def _make_agent(engine: Engine, environment: Names, state: DesiredState, old: Container | None) -> str:
    if old is not None:
        engine.remove(old.id)  # who made it has died before it knew anything
    for volume, labels in agent_volumes(environment).items():
        engine.ensure_volume(volume, labels)
    empty = state.model_copy(update={"services": {}, "databases": [], "acting": True})
    folder = direct.make_folder(environment, engine.info())
    made = engine.create_container(agent_spec(engine, environment, empty, folder))
    engine.start(made)
    return made


def _attend(engine: Engine, environment: Names, desired: DesiredService, private: Private) -> Attendance:
    agent = Agent(engine, environment)
    pool = ThreadPoolExecutor(1, thread_name_prefix="attend")
    attendance = pool.submit(agent.attend, desired, private)
    try:
        return attendance.result(AGENT_TIMEOUT)
    except TimeoutError:
        close_when_made(attendance)  # an answer may still come
        raise agent_failed(engine, environment, f"no answer within {AGENT_TIMEOUT:g} s") from None
    except EngineError as error:
        raise agent_failed(engine, environment, error.message) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _leave(engine: Engine, environment: Names) -> None:
    """Removes the agent if it has nothing to do any more, and the network if nothing is left in it."""
    with direct.alone(environment):  # what another command makes next is not taken for what was left
        agent = observe(engine, environment).agent
        if agent is not None:
            idle = False
            with contextlib.suppress(CopilotLocalError):  # an agent that does not answer is left for `down`
                idle = Agent(engine, environment).retire_if_idle()
            if not idle:
                return
            engine.remove(agent.id)
            direct.remove_folder(environment)
        for volume in agent_volumes(environment):
            with contextlib.suppress(Conflict):
                engine.remove_volume(volume)
        if not engine.list_containers(environment.labels()):
            engine.remove_network(environment.network)
