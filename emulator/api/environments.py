"""The environments of this machine, known without a question to Docker for each request: its events tell of agents that
start and end."""

from __future__ import annotations

import contextlib
import threading
from operator import attrgetter

from emulator.engine.interface import ContainerState, Engine, EngineEvent, Stream
from emulator.errors import CopilotLocalError
from emulator.runtime.control.kept import KeptAgent
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role

RETRY = 1.0
"""Seconds until a broken stream of events is opened again."""
_AGENTS = {names.ROLE: Role.AGENT}
_TELLING = ("start", "die", "destroy")


class Environments:
    """The agents that run, each with its open connections. While no event would come, every question lists them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._agents: dict[Names, KeptAgent] = {}
        self._listening = False
        self._happened = 0
        """Counts what may have changed which agents run."""
        self._listed = -1
        """The count that `_agents` were listed at."""
        self._closed = threading.Event()
        self._events: Stream[EngineEvent] | None = None
        threading.Thread(target=self._listen, daemon=True, name="environments").start()

    def agents(self) -> list[KeptAgent]:
        """By the names of their environments."""
        with self._lock:
            happened = self._happened
            if happened != self._listed or not self._listening:
                self._list()
                self._listed = happened
            return list(self._agents.values())

    def agent(self, environment: Names) -> KeptAgent | None:
        """That of one environment, if it runs."""
        self.agents()
        return self._agents.get(environment)

    def runs(self, agent: KeptAgent) -> bool:
        """Whether it runs, by Docker's listing of just now."""
        self._forget()
        return agent in self.agents()

    def close(self) -> None:
        """Ends every connection."""
        self._closed.set()
        events = self._events
        if events is not None:
            with contextlib.suppress(CopilotLocalError):
                events.close()
        with self._lock:
            agents, self._agents, self._listed = self._agents, {}, -1
        for agent in agents.values():
            agent.close()

    def _list(self) -> None:
        found = {
            Names(one.labels.get(names.APP, ""), one.labels.get(names.ENVIRONMENT, ""))
            for one in self._engine.list_containers(_AGENTS)
            if one.state is ContainerState.RUNNING
        }
        before, key = self._agents, attrgetter("app", "environment")
        self._agents = {one: before.get(one) or KeptAgent(self._engine, one) for one in sorted(found, key=key)}
        for gone in before.keys() - found:
            before[gone].close()

    def _listen(self) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(CopilotLocalError):
                self._events = self._engine.events(_AGENTS)
                if self._closed.is_set():
                    self._events.close()
                self._listening = True
                self._forget()  # of what happened before, no event comes
                for event in self._events:
                    if event.action in _TELLING:
                        self._forget()
            self._listening = False
            self._forget()
            self._closed.wait(RETRY)

    def _forget(self) -> None:
        self._happened += 1
