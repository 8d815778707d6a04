"""Fails the test that runs as soon as a container dies, whatever the test waits for."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest

from emulator.testing import live

if TYPE_CHECKING:
    from emulator.testing.lifecycle import Lifecycle
    from emulator.testing.observation.journal import Death

INTERRUPT: int | None = getattr(signal, "SIGUSR2", None)
"""Wakes the main thread. Windows has no such signal: there the test's next call to the environment tells."""


class DeathWatch:
    """Between `arm` and `disarm` a death interrupts the main thread with a failure."""

    def __init__(self) -> None:
        self._concerns: Callable[[Lifecycle], bool] | None = None
        self._before: Any = None

    def died(self, environment: Lifecycle, death: Death) -> None:
        """Called in a thread of the environment's."""
        del death
        concerns, main = self._concerns, threading.main_thread().ident
        if concerns is not None and concerns(environment) and INTERRUPT is not None and main is not None:
            signal.pthread_kill(main, INTERRUPT)

    def arm(self, concerns: Callable[[Lifecycle], bool]) -> None:
        """From now on, for the environments that `concerns` is true of. Only a main thread can be interrupted."""
        if INTERRUPT is not None and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(INTERRUPT, self._interrupt)
            self._concerns = concerns

    def disarm(self) -> None:
        """Deaths from now on interrupt no test."""
        if self._before is not None and INTERRUPT is not None:
            self._concerns = None
            signal.signal(INTERRUPT, self._before)
            self._before = None

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        __tracebackhide__ = True
        del number, frame
        concerns, self._concerns = self._concerns, None
        if concerns is not None:
            fail_if_something_died([environment for environment in live.environments() if concerns(environment)])


def fail_if_something_died(environments: Sequence[Lifecycle]) -> None:
    """Fails with the last lines of a container whose death no test has been told of."""
    __tracebackhide__ = True
    for environment in environments:
        text = told(environment)
        if text:
            pytest.fail(text)


def told(environment: Lifecycle) -> str:
    """What there is to say of deaths that no test has been told of; empty where there are none."""
    from emulator.display.failure import render_error
    from emulator.testing.failures import died_of_itself

    return "\n\n".join(render_error(died_of_itself(death)) for death in environment.journal.take_unreported())
