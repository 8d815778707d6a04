"""Changed files in batches: as the system tells of them, with bursts put together."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import watchfiles

from emulator.errors import TaskError

STEP = 20
"""Milliseconds without a change that end a batch."""
LONGEST = 2000
"""Milliseconds that a batch takes at most."""
BURST = 20
"""Changes from which a batch is a burst, such as a checkout: it may pause for longer before it is over."""
BURST_PAUSE = 0.4
"""Seconds without a change that end a burst."""


class _Asked:
    """Whether to stop. watchfiles asks that as soon as the system watches, which it does not tell otherwise."""

    def __init__(self, stop: threading.Event, asked: threading.Event) -> None:
        self._stop = stop
        self.asked = asked

    def is_set(self) -> bool:
        self.asked.set()
        return self._stop.is_set()


class FileChanges:
    """Watches folders from `start` until `close`. `concerns` tells which files matter."""

    def __init__(self, deep: Sequence[Path], flat: Sequence[Path], concerns: Callable[[Path], bool]) -> None:
        self._deep = deep
        self._flat = flat
        self._concerns = concerns
        self._stop = threading.Event()
        self._watching: list[threading.Event] = []
        self._batches: queue.Queue[set[Path] | Exception] = queue.Queue()

    def start(self) -> None:
        for folders, recursive in ((self._deep, True), (self._flat, False)):
            if folders:
                watching = threading.Event()
                self._watching.append(watching)
                stop = _Asked(self._stop, watching)
                threading.Thread(target=self._watch, args=(folders, recursive, stop), daemon=True, name="files").start()

    def await_start(self, timeout: float) -> None:
        """Returns once the system tells of changes, or after `timeout` seconds: what is saved before is not seen."""
        ends = time.monotonic() + timeout
        for watching in self._watching:
            watching.wait(max(0.0, ends - time.monotonic()))

    def close(self) -> None:
        self._stop.set()

    def next(self, timeout: float) -> set[Path]:
        """The files that changed since the last call, waiting up to `timeout` seconds for some. Raises `TaskError`
        where the system cannot watch that many folders."""
        try:
            batch = self._take(timeout)
        except queue.Empty:
            return set()
        with contextlib.suppress(queue.Empty):
            while True:
                batch |= self._take(BURST_PAUSE if len(batch) > BURST else 0)
        return batch

    def _take(self, timeout: float) -> set[Path]:
        taken = self._batches.get(timeout=timeout) if timeout else self._batches.get_nowait()
        if isinstance(taken, Exception):
            raise TaskError(
                f"the files cannot be watched: {taken}",
                hint="on Linux, raise the limit: sysctl fs.inotify.max_user_watches=524288",
            )
        return taken

    def _watch(self, folders: Sequence[Path], recursive: bool, stop: _Asked) -> None:
        try:
            for changes in watchfiles.watch(
                *folders,
                watch_filter=None,
                debounce=LONGEST,
                step=STEP,
                rust_timeout=1000,
                stop_event=stop,
                recursive=recursive,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                batch = self._relevant(changes)
                if batch:
                    self._batches.put(batch)
        except Exception as error:
            self._batches.put(error)
        finally:
            stop.asked.set()

    def _relevant(self, changes: set[tuple[watchfiles.Change, str]]) -> set[Path]:
        """The files that matter, without those that came and went within the batch."""
        came = {path for change, path in changes if change is watchfiles.Change.added}
        found = set()
        for _, text in changes:
            path = Path(text)
            if self._concerns(path) and (text not in came or path.exists()):
                found.add(path)
        return found
