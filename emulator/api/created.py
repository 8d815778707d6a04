"""The environments that clusters of CreateCluster run in: made for the first task, gone with the cluster or the API."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from emulator.ecs.identity import cluster_arn
from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, Unsupported
from emulator.events import Event, EventKind
from emulator.runtime.lifecycle.one_off_agent import ensure_empty
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names
from emulator.runtime.state.process_identity import this_process

log = logging.getLogger(__name__)

LONGEST = 40
"""Characters of a cluster's name that stand in the names of Docker's objects."""
AT_ONCE = 4


def names_of(arn: str) -> Names:
    """The environment of a created cluster: the application `ecs-NAME`, and the region. The process that makes it owns
    it, so that `prune` removes what a killed one has left."""
    region, account, name = arn.split(":")[3], arn.split(":")[4], arn.rpartition("/")[2]
    if len(name) > LONGEST or arn != cluster_arn(region, name):
        name = f"{name[:LONGEST]}-{hashlib.sha256(f'{account}/{name}'.encode()).hexdigest()[:8]}"
    return Names(f"ecs-{name}", region, owner=str(this_process()))


class Created:
    """The environments that this process has made. `killed` ends their orderly stop."""

    def __init__(self, engine: Engine, killed: threading.Event | None = None) -> None:
        self._engine = engine
        self._killed = killed or threading.Event()
        self._lock = threading.Lock()
        self._locks: defaultdict[Names, threading.Lock] = defaultdict(threading.Lock)
        self._made: dict[Names, str] = {}
        """Each with the agent's image."""
        self._closed = threading.Event()

    @contextmanager
    def ensured(self, environment: Names, state: DesiredState) -> Iterator[threading.Event]:
        """Within this block an environment is there, which is made without services unless it runs, and does not go.
        Gives what is set when it is to end. Raises what `ensure_empty` raises, and `Unsupported` when the API ends."""
        with self._alone(environment):
            with self._lock:
                if self._closed.is_set():
                    raise Unsupported("the API is ending")
                self._made[environment] = state.agent_image
            ensure_empty(self._engine, environment, state, note, self._closed)
            yield self._closed

    def end(self, environment: Names) -> None:
        """Takes an environment down with what it holds, if there is one."""
        from emulator.runtime.lifecycle.down import down

        with self._alone(environment):
            image = self._made.get(environment, "")
            asked = (lambda: image) if image else None
            try:
                down(self._engine, environment, note, volumes=True, cancelled=self._killed, agent_image=asked)
            except CopilotLocalError as error:
                log.warning("%s/%s is left: %s", environment.app, environment.environment, error)
                return
            with self._lock:
                self._made.pop(environment, None)

    def begin_end(self, environment: Names, *, there: bool) -> None:
        """Takes it down in the background, where this process has made it or it is `there`."""
        if there or environment in self._made:
            threading.Thread(target=self.end, args=(environment,), name="down").start()

    def end_all(self) -> None:
        """Takes down every environment that this process has made."""
        if environments := list(self._made):
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="down") as pool:
                list(pool.map(self.end, environments))

    def close(self) -> None:
        """The same, for good: none is made any more."""
        with self._lock:
            self._closed.set()
        self.end_all()

    def _alone(self, environment: Names) -> threading.Lock:
        with self._lock:
            return self._locks[environment]


def note(event: Event) -> None:
    """Says in the log of the command what a user should know."""
    if event.kind in (EventKind.WARNING, EventKind.STEP_FAILED):
        log.warning("%s: %s", event.subject, event.message)
