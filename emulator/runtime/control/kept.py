"""An agent that is asked again and again: its connections stay open between the answers."""

from __future__ import annotations

from collections import deque

from emulator.engine.interface import Engine
from emulator.errors import EngineError, EngineTimeout
from emulator.runtime.control.client import Agent, goes_on
from emulator.runtime.control.http import Connection, Message, Query, closed_after, request
from emulator.runtime.state.names import Names

MOST_IDLE = 4
"""Connections that are kept while nothing is asked."""


class KeptAgent(Agent):
    """As `Agent`; from several threads too."""

    def __init__(self, engine: Engine, environment: Names) -> None:
        super().__init__(engine, environment)
        self._idle: deque[Connection] = deque()

    def _answer(self, verb: str, query: Query | None = None) -> Message:
        while (connection := self._kept()) is not None:
            try:
                return self._over(connection, verb, query)
            except EngineTimeout:
                raise
            except EngineError:
                pass  # the agent was started anew since
        return self._over(self._open(), verb, query)

    def _over(self, connection: Connection, verb: str, query: Query | None) -> Message:
        try:
            with closed_after(connection, self.timeout) as expired:
                try:
                    [answer] = connection.ask(request("GET", verb, query))
                except EngineError:
                    if expired.is_set():
                        raise EngineTimeout(f"the agent did not answer within {self.timeout:g} s") from None
                    raise
        except BaseException:
            connection.close()
            raise
        if expired.is_set() or len(self._idle) >= MOST_IDLE:
            connection.close()
        else:
            self._idle.append(connection)
        return answer

    def _kept(self) -> Connection | None:
        """A connection that is still open, the last one used first."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if goes_on(connection.stream):
                return connection
            connection.close()
        return None

    def close(self) -> None:
        super().close()
        while (connection := self._kept()) is not None:
            connection.close()
