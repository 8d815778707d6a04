"""Programs that Service Connect's proxy cannot reach: they listen on their task's own address alone.

The proxy leads what comes in to 127.0.0.1, here as when deployed. Behind a load balancer health checks show it; a
service that only others call has none.

Source: Amazon ECS, "Service Connect components"; aws/copilot-cli, issue 5386 (Next.js with `HOSTNAME`).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection

from emulator.engine.interface import ContainerState, Engine
from emulator.errors import EngineError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.health.ports import Listening, listening_in
from emulator.runtime.state.desired import DesiredService, DesiredState
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed, Task, observe
from emulator.service_connect.model import served

LISTENS_WITHIN = 3.0
"""Seconds in which a program listens: with `--wait` it is looked where, until then."""
_LOOK = 0.3
LOOKS = (1.0, 3.0, 10.0, 30.0)
"""Seconds after the first listing at which is looked, until the program listens."""


def own_address(listening: Collection[Listening], port: int) -> Listening | None:
    """What listens on that port where the proxy does not reach it; None where it does, or where nothing listens."""
    there = [one for one in listening if one.port == port]
    return None if any(one.answers(True) for one in there) else next(iter(there), None)


def unreachable(one: Listening, container: str) -> str:
    """Says of such a program what is wrong."""
    name = one.container or container
    return f"{name} listens on {one.host}:{one.port} alone, and Service Connect's proxy leads to 127.0.0.1:{one.port}"


class OwnAddresses:
    """Warns of each service whose program listens on its task's own address alone, once. `services` are those that it
    is about, by default all; `clock` gives seconds."""

    def __init__(
        self,
        engine: Engine,
        state: DesiredState,
        emit: Emit,
        clock: Callable[[], float] = time.monotonic,
        *,
        services: Collection[str] | None = None,
    ) -> None:
        self._engine = engine
        self._aws_port = state.aws_port
        self._emit = emit
        self._clock = clock
        self._began = clock()
        self._looks = list(LOOKS)
        self._open = {
            name: desired
            for name, desired in state.services.items()
            if desired.proxied and (services is None or name in services)
        }

    def look(self, observed: Observed) -> None:
        """Looks where it is time to, into one task of each service that has not listened so far."""
        if not self._looks or self._clock() - self._began < self._looks[0]:
            return
        self._looks.pop(0)
        self.look_now(observed)

    def look_now(self, observed: Observed) -> bool:
        """The same, at once; whether it is known of all services by then."""
        for name, desired in list(self._open.items()):
            port = served(desired.service)
            if port is None:
                del self._open[name]
                continue
            task = next((one for one in observed.tasks_of(name) if _runs(one)), None)
            found = listening_in(self._engine, task, self._aws_port) if task is not None else None
            if found is None or all(one.port != port.port for one in found):
                continue
            del self._open[name]
            if (wrong := own_address(found, port.port)) is not None:
                self._warn(desired, wrong)
        return not self._open

    def wait(self, environment: Names, cancelled: threading.Event, seconds: float) -> None:
        """Looks until all is known, for that long; once in any case, unless all is known already."""
        ends = time.monotonic() + seconds
        while self._open:
            with contextlib.suppress(EngineError):  # nothing ends over what is only to be said
                if self.look_now(observe(self._engine, environment)):
                    return
            if time.monotonic() >= ends or cancelled.wait(_LOOK):
                return

    def _warn(self, desired: DesiredService, wrong: Listening) -> None:
        service = desired.service
        text = unreachable(wrong, service.main_container)
        hint = f"let it listen on 0.0.0.0:{wrong.port}: deployed, other services do not reach it either"
        self._emit(Event(EventKind.WARNING, service.name, text, {"hint": hint}))


def _runs(task: Task) -> bool:
    proxy = task.proxy is not None and task.proxy.state is ContainerState.RUNNING
    return proxy and any(member.running for member in task.members.values())
