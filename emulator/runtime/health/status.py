"""What an agent says of the health of tasks to the command that starts them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from emulator.errors import CopilotLocalError
from emulator.runtime.control.leases import Grant
from emulator.runtime.health.watch import Known, known_from
from emulator.runtime.state.desired import DesiredState

LOOK = 0.2
"""Seconds for which an answer is taken again: several operations of a plan wait at the same time."""


class StatusOverLease:
    """Asks over a connection that is, or will be, there. Thread-safe."""

    def __init__(
        self,
        connection: Callable[[], Grant | None],
        state: DesiredState,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`connection` gives it, or None where it is not there yet."""
        self._connection = connection
        self._state = state
        self._clock = clock
        self._lock = threading.Lock()
        self._known = Known(state)
        self._asked = -LOOK

    def known(self) -> Known:
        """What the agent says; what it said last where it does not answer."""
        with self._lock:
            now = self._clock()
            if now - self._asked >= LOOK:
                self._asked = now
                with contextlib.suppress(CopilotLocalError, OSError):  # what needs the connection raises it
                    connection = self._connection()
                    if connection is not None:
                        self._known = known_from(self._state, connection.status())
            return self._known
