"""Serialises concurrent `up` commands on one environment."""

from __future__ import annotations

import contextlib
import threading
import time

from emulator.engine.interface import Container, ContainerState, Engine
from emulator.errors import CopilotLocalError, EnvironmentBusy
from emulator.events import Emit, Event, EventKind
from emulator.runtime.control.client import Agent
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.state.names import MADE_BY, Names
from emulator.runtime.state.observed import Observed, observe
from emulator.runtime.state.process_identity import Owner, this_process

POLL = 0.1
REMOVAL = 0.3
"""Seconds until an agent that was killed is listed as such."""
STOPPED_AGENT = 3.0
"""Seconds for an agent that has stopped to be removed, or started again, after an error."""
UNDER_WAY = 15.0
"""Timeout in seconds for a created agent to start, where it is unknown whether the command that created it lives."""
TURN_TIMEOUT = 600.0
"""Seconds to wait for another command: it may wait for something to become healthy itself."""


class Turns:
    """Waits until other commands are done with the environment; one for each command. Reports once that it waits."""

    def __init__(
        self,
        engine: Engine,
        environment: Names,
        emit: Emit,
        cancelled: threading.Event,
        *,
        under_way: float = UNDER_WAY,
        timeout: float = TURN_TIMEOUT,
    ) -> None:
        self.engine = engine
        self._names = environment
        self._emit = emit
        self._cancelled = cancelled
        self._under_way = under_way
        self._until = time.monotonic() + timeout
        self._said = False

    def observe(self) -> Observed:
        """Observes the environment, after the agent of another command has started.

        Raises `EnvironmentBusy` after the timeout.
        """
        created = time.monotonic()
        while True:
            observed = observe(self.engine, self._names)
            agent = observed.agent
            if agent is None or agent.state is not ContainerState.CREATED or is_orphaned(agent):
                return observed
            if not _is_local(agent) and time.monotonic() - created > self._under_way:
                return observed
            self._wait()

    def pass_by(self, agent: Container) -> None:
        """Waits until the command that holds this agent is done, stays with it, or has taken the environment down."""
        while True:
            self._wait()
            found = observe(self.engine, self._names).agent
            if found is None or found.id != agent.id or found.state is not ContainerState.RUNNING:
                return
            with contextlib.suppress(CopilotLocalError):  # it is starting, or going away
                status = Agent(self.engine, self._names).status()
                if (status["acting"] or status.get("stays")) and not status.get("providing"):
                    return

    def is_taken_back(self, agent: Container, *, answered: bool) -> bool:
        """Whether an agent that refused, or has not `answered`, is gone or goes in a moment: it is killed before it is
        removed, and a busy Docker lists it as running for longer than its connections last."""
        began = time.monotonic()
        while True:
            found = observe(self.engine, self._names).agent
            if found is None or found.id != agent.id:
                return True
            lasts = REMOVAL if answered and found.state is ContainerState.RUNNING else STOPPED_AGENT
            if time.monotonic() - began > lasts:
                return False
            if self._cancelled.wait(POLL):
                raise Cancelled

    def _wait(self) -> None:
        what = f"another copilot-local command is bringing up {self._names.app}/{self._names.environment}"
        if time.monotonic() > self._until:
            raise EnvironmentBusy(what, hint="wait for it, or run `copilot-local down`")
        if not self._said:
            self._said = True
            self._emit(Event(EventKind.INFO, self._names.app, f"{what}; waiting for it"))
        if self._cancelled.wait(POLL):
            raise Cancelled


def is_orphaned(agent: Container) -> bool:
    """Whether the process that made an agent is known to have died."""
    maker = Owner.parse(agent.labels.get(MADE_BY, ""))
    return maker is not None and maker.dead


def _is_local(agent: Container) -> bool:
    """Whether the process that made an agent is one of this machine, of which we know whether it lives."""
    maker = Owner.parse(agent.labels.get(MADE_BY, ""))
    return maker is not None and maker.machine == this_process().machine
