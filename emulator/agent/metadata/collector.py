"""Collects statistics of a task while they are asked for.

Collecting costs the daemon something, and most tasks never ask: so a task is sampled from its first request on, and no
longer a minute after its last.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from emulator.agent.metadata.stats import Raw, Sample
from emulator.errors import CopilotLocalError

log = logging.getLogger(__name__)

FIRST = 1.0
"""Seconds between the first two samples of a container: the earliest that there is something to tell."""
INTERVAL = 10.0
"""Seconds between samples, as on Fargate."""
LINGER = 60.0
_AT_ONCE = 4
"""Containers of a task that are read at the same time."""
LONGEST_WAIT = 4.0
"""Seconds that a task's first request waits for its first samples. On Fargate they are there: all tasks are sampled."""


class StatsCollector:
    """Samples of the tasks that ask. `running` lists the containers of a task by Docker name, `read` reads one's
    statistics; times in seconds."""

    def __init__(
        self,
        running: Callable[[str], Sequence[str]],
        read: Callable[[str], Raw],
        *,
        first: float = FIRST,
        interval: float = INTERVAL,
        linger: float = LINGER,
    ) -> None:
        self._running = running
        self._read = read
        self._first = first
        self._interval = interval
        self._linger = linger
        self._lock = threading.Lock()
        self._looked = threading.Condition(self._lock)
        self._closed = threading.Event()
        self._samples: dict[str, Mapping[str, Sample]] = {}
        """Of the tasks that are being watched."""
        self._compared: set[str] = set()
        """Those of which two samples have been tried."""
        self._asked: dict[str, float] = {}

    def samples(self, task_id: str) -> Mapping[str, Sample]:
        """The last samples by Docker name; nothing at first."""
        with self._lock:
            self._asked[task_id] = time.monotonic()
            if task_id not in self._samples:
                thread = threading.Thread(target=self._run, args=(task_id,), daemon=True, name=f"stats {task_id[:8]}")
                try:
                    thread.start()
                except RuntimeError as error:  # the system has no more threads; the next request tries again
                    log.warning("no statistics of task %s: %s", task_id, error)
                    return {}
                self._samples[task_id] = {}
            return self._samples[task_id]

    def awaited(self, task_id: str) -> Mapping[str, Sample]:
        """The last samples by Docker name. The first ones are waited for; nothing where there are none by then."""
        self.samples(task_id)
        with self._looked:
            self._looked.wait_for(lambda: task_id in self._compared or task_id not in self._samples, LONGEST_WAIT)
            return self._samples.get(task_id, {})

    def watched(self) -> set[str]:
        """The tasks that are sampled now."""
        with self._lock:
            return set(self._samples)

    def close(self) -> None:
        """Ends all sampling."""
        self._closed.set()

    def _run(self, task_id: str) -> None:
        try:
            self._watch(task_id)
        except Exception:
            log.exception("no statistics of task %s until it is asked for again", task_id)
            with self._lock:
                self._forget(task_id)

    def _watch(self, task_id: str) -> None:
        previous: dict[str, Raw] = {}
        looks, wanted = 0, True
        # Docker takes a second for each container, whatever it is asked for.
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while wanted:
                began = time.monotonic()
                latest = self._look(task_id, pool)
                pairs = {name: Sample(previous[name], raw) for name, raw in latest.items() if name in previous}
                previous = latest
                looks += 1
                with self._looked:
                    self._samples[task_id] = pairs
                    if looks > 1:
                        self._compared.add(task_id)
                        self._looked.notify_all()
                self._closed.wait(
                    self._interval if len(pairs) == len(latest) else self._first - (time.monotonic() - began)
                )
                wanted = self._wanted(task_id, alive=bool(latest))

    def _look(self, task_id: str, pool: ThreadPoolExecutor) -> dict[str, Raw]:
        found: dict[str, Raw] = {}
        try:
            reading = {name: pool.submit(self._read, name) for name in self._running(task_id)}
            for name, read in reading.items():
                try:
                    found[name] = read.result()
                except CopilotLocalError as error:
                    log.debug("no statistics of %s: %s", name, error)
        except CopilotLocalError as error:
            log.debug("no statistics of task %s: %s", task_id, error)
        return found

    def _wanted(self, task_id: str, *, alive: bool) -> bool:
        with self._lock:
            recent = time.monotonic() - self._asked[task_id] < self._linger
            if alive and recent and not self._closed.is_set():
                return True
            self._forget(task_id)
            return False

    def _forget(self, task_id: str) -> None:
        """To be called with the lock."""
        del self._samples[task_id], self._asked[task_id]
        self._compared.discard(task_id)
        self._looked.notify_all()
