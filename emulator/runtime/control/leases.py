"""What an agent grants one command for as long as a connection lasts."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from emulator.errors import CopilotLocalError
from emulator.runtime.control.direct import ANSWER_TIMEOUT
from emulator.runtime.control.http import Connection, Message, closed_after, done, request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from pydantic import BaseModel

    from emulator.engine.interface import File
    from emulator.runtime.state.desired import DesiredState, Private

FINISH_TIMEOUT = 5.0
"""Seconds that an agent may take to store what came last."""
KEEP_TIMEOUT = 30.0
"""Seconds for what a container has printed: 100,000 lines, on a busy machine."""


def plain(**models: BaseModel) -> Message:
    """Models as JSON's own types, by the fields of a request."""
    from emulator.model import to_plain

    return {name: to_plain(model) for name, model in models.items()}


class Grant:
    """What goes with one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def status(self) -> Message:
        """As `Agent.status`, over the connection that is open already: that costs no `docker exec`.

        Raises EngineError where no answer comes; the agent is in charge then.
        """
        with closed_after(self._connection, ANSWER_TIMEOUT):
            [answer] = self._connection.ask(request("GET", "status"))
        return answer

    def close(self) -> None:
        """Ends it without a word."""
        self._connection.close()


class Lease(Grant):
    """An exclusive lease on an environment, bound to one connection: when that ends without a word, the agent takes
    over."""

    def begin(self, state: DesiredState, private: Private) -> None:
        """Tells the agent what should run from now on, and the private values of that."""
        done(self._connection.ask(request("POST", "begin", body=plain(state=state, private=private))))

    def hand_over(self) -> None:
        """The agent acts from now on."""
        try:
            done(self._connection.ask(request("POST", "act")))
        finally:
            self._connection.close()

    def leave(self) -> Retirement:
        """The environment is being taken down: the agent is to look after nothing any more, as by `Agent.retire`."""
        try:
            with contextlib.suppress(CopilotLocalError, OSError):  # an agent that is gone does nothing either
                done(self._connection.ask(request("POST", "leave")))
        except BaseException:
            self._connection.close()
            raise
        return Retirement(self._connection)


class Retirement(Grant):
    """An environment's going away, bound to one connection: when that ends, the agent removes itself, if it is still
    there."""

    def __init__(self, connection: Connection, *, began: float | None = None) -> None:
        super().__init__(connection)
        self.began = began
        """When, of the monotonic clock, the agent began to stop tasks by itself; None where it does not."""
        self._asking = threading.Lock()

    def finish(self) -> bool:
        """Has the agent store what load balancers have logged; returns whether it has, and may be killed."""
        return self._has("finish", FINISH_TIMEOUT)

    def store(self, files: Sequence[File]) -> bool:
        """Has the agent write files into the log store; returns whether it has."""
        texts = {file.path: file.content.decode(errors="replace") for file in files}
        return self._has("keep", KEEP_TIMEOUT, {"files": texts})

    def stops(self) -> frozenset[str]:
        """The containers that the agent stops by itself; none where it does not, or does not say so."""
        if self.began is None:
            return frozenset()
        try:
            with self._asking, closed_after(self._connection, ANSWER_TIMEOUT):
                [answer] = self._connection.ask(request("POST", "stopping"))
        except (CopilotLocalError, OSError, ValueError):
            return frozenset()
        return frozenset(answer["stops"])

    def _has(self, verb: str, timeout: float, body: Message | None = None) -> bool:
        try:
            with self._asking, closed_after(self._connection, timeout):
                done(self._connection.ask(request("POST", verb, body=body)))
        except (CopilotLocalError, OSError):  # it is gone, hangs, cannot, or is of another version
            return False
        return True


class Providing(Grant):
    """The agent's leaving what services live with to a command. It ends with the connection."""

    def close(self) -> None:
        """Ends it; afterwards the agent knows."""
        try:
            with contextlib.suppress(CopilotLocalError, OSError), closed_after(self._connection, ANSWER_TIMEOUT):
                done(self._connection.ask(request("POST", "leave")))
        finally:
            self._connection.close()


class Attendance(Providing):
    """The agent's knowing of a task that a command runs by itself. It ends with the connection."""


def close_when_made(future: Future[Lease] | Future[Attendance]) -> None:
    """Closes what a future comes to, if it comes to something, now or later: its caller does not take it any more."""

    def close(made: Future[Any]) -> None:
        if not made.cancelled() and made.exception() is None:
            made.result().close()

    future.add_done_callback(close)
