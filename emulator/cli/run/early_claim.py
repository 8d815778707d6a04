"""Begins with Docker before `up` reads its manifests: connects, and claims an environment in which nothing runs.

Reading manifests takes Python longer than Docker to create the agent, which needs the environment's name alone.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Self, TypeVar

from emulator.app.selection import Selection, names_ahead
from emulator.errors import CopilotLocalError
from emulator.events import Emit

if TYPE_CHECKING:
    from emulator.engine.interface import Engine
    from emulator.runtime.lifecycle.environment_lock import Claim

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EarlyClaim:
    """The connection to Docker of an `up`, and the claim of its environment until that is handed over.

    A context manager: its end gives up a claim that was not handed over, and closes the connection. Meanwhile a signal
    that would end the process ends a call of `interruptibly`, and nothing else.
    """

    def __init__(self, selection: Selection, emit: Emit, *, claims: bool, stays: bool) -> None:
        """`claims`: whether the environment is claimed where that is possible. `stays`: as of a `Claim`."""
        self._selection = selection
        self._emit = emit
        self._claims = claims
        self._stays = stays
        self._engine: Engine | None = None
        self._failure: CopilotLocalError | None = None
        self._claim: Claim | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._before = {number: signal.getsignal(number) for number in SIGNALS}
        self._signalled = False
        self._interruptible = False

    def __enter__(self) -> Self:
        for number in SIGNALS:
            signal.signal(number, self._handle)
        try:
            names = names_ahead(self._selection) if self._claims else None
            if names is not None:
                with suppress(CopilotLocalError):  # without a claim, `up` says what is wrong
                    self._begin(*names)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *ending: object) -> None:
        self._give_up()
        self._pool.shutdown()
        if self._engine is not None:
            self._engine.close()
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, handler)

    @property
    def engine(self) -> Engine:
        """Docker. Raises the error that kept it from being reached."""
        if self._failure is not None:
            raise self._failure
        if self._engine is None:
            from emulator.engine.connect import connect

            self._engine = connect()
        return self._engine

    def interruptibly(self, call: Callable[[], T]) -> T:
        """What `call` returns, such as the request of manifests, which Docker works beside. Raises KeyboardInterrupt
        for a signal that came until then; at no other time does one raise anything."""
        try:
            self._interruptible = True
            if self._signalled:
                raise KeyboardInterrupt
            return call()
        finally:
            self._interruptible = False

    def give_up(self) -> None:
        """Gives up the claim within such a call: the user is asked something, and others are not to wait for that."""
        self._interruptible = False
        self._give_up()
        self._interruptible = True
        if self._signalled:
            raise KeyboardInterrupt

    def hand_over(self, interrupted: threading.Event) -> Claim | None:
        """The claim, which is the caller's from now on, as are signals; one that came already sets `interrupted`."""
        if self._signalled:
            interrupted.set()
        claim, self._claim = self._claim, None
        return claim

    def _begin(self, app: str, environment: str) -> None:
        from emulator.runtime.lifecycle.environment_lock import Claim
        from emulator.runtime.state.names import Names
        from emulator.runtime.state.observed import observe
        from emulator.setup.images import present_agent_image

        try:
            engine = self.interruptibly(lambda: self.engine)
        except CopilotLocalError as error:
            self._failure = error
            return
        names = Names(app, environment)
        observed = observe(engine, names)
        if observed.containers:
            self._pool.submit(engine.info)  # what runs is not touched before it is known what should
            return
        image = present_agent_image(engine)
        if image:  # building it takes long, and says so
            self._claim = Claim(engine, names, observed, lambda: image, stays=self._stays)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._signalled = True
        if self._interruptible:
            self._interruptible = False
            raise KeyboardInterrupt

    def _give_up(self) -> None:
        claim, self._claim = self._claim, None
        if claim is not None:
            from emulator.runtime.lifecycle.bring_up import give_up

            give_up(claim, self._emit)
