"""What the containers of an environment print: all of it so far, or as it comes."""

from __future__ import annotations

import contextlib
import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from emulator.engine.interface import Engine, LogLine, Stream
from emulator.engine.log_cursor import LogCursor
from emulator.errors import CopilotLocalError, EngineUnavailable, NotFound
from emulator.runtime.state.observed import Member, Observed

LOOK = 0.5
"""Seconds between two tries to read a log that Docker did not give."""
TRIES = 5
LAST_WORDS = 5.0
"""Seconds that what a container printed last may take to arrive after it is gone."""
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class ContainerLine:
    """A line with where it comes from."""

    service: str
    task_id: str
    container: str
    line: LogLine


@dataclass(frozen=True, slots=True)
class TaskMember:
    """A container of a task."""

    service: str
    task_id: str
    member: Member

    def printed(self, line: LogLine) -> ContainerLine:
        """A line of it."""
        return ContainerLine(self.service, self.task_id, self.member.name, line)


Wanted = Callable[[Member, LogLine], bool]
"""Whether a line of a container is to be shown."""


def every_line(member: Member, line: LogLine) -> bool:
    """Wants each line."""
    del member, line
    return True


class LogReaders:
    """Reads what containers print, each in a thread of its own; `on_line` gets a container's id and a line of it.

    Every line comes once. A stream of Docker's may end before the last lines of a container that exits just then, and a
    container that is started again has a new one: so it is asked again, until nothing is new.
    """

    def __init__(self, engine: Engine, on_line: Callable[[str, LogLine], None]) -> None:
        self._engine = engine
        self._on_line = on_line
        self._readers: dict[str, _Reader] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def past(self, containers: Sequence[str], tail: int | None) -> Iterator[tuple[str, LogLine]]:
        """The last lines (None: all) that these containers have printed so far, by time; `read` goes on behind them."""
        sources = [self._past(container, tail) for container in containers]
        yield from heapq.merge(*sources, key=lambda found: found[1].timestamp or _EPOCH)

    def _past(self, container: str, tail: int | None) -> Iterator[tuple[str, LogLine]]:
        if tail == 0:
            return
        reader = self._readers.setdefault(container, _Reader(container, tail, LogCursor(whole=tail is None)))
        reader.is_new = False
        with contextlib.suppress(CopilotLocalError):
            for line in reader.cursor.unread(self._engine.logs(container, tail=tail)):
                yield container, line

    def read(self, container: str, *, tail: int | None = None) -> None:
        """Reads a container from its first line, or the last `tail` ones, until it ends; of one that was read already,
        what is new."""
        with self._lock:
            reader = self._readers.setdefault(container, _Reader(container, tail, LogCursor(whole=tail is None)))
            reader.asked += 1
            if reader.runs or self._closed.is_set():
                return  # it looks once more before it ends
            reader.runs = True
            reader.thread = threading.Thread(target=self._run, args=(reader,), daemon=True, name="log")
            reader.thread.start()

    def finish(self, container: str, seconds: float = LAST_WORDS) -> None:
        """Waits until everything a stopped container printed was passed on."""
        self.read(container)
        thread = self._readers[container].thread
        if thread.ident is not None:  # else reading has ended before it began
            thread.join(seconds)

    def drain(self, seconds: float = LAST_WORDS) -> None:
        """Waits until everything that was printed was passed on, where all containers have stopped."""
        deadline = time.monotonic() + seconds
        for container in list(self._readers):
            self.finish(container, max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """Ends all reading."""
        self._closed.set()
        for reader in list(self._readers.values()):
            if reader.stream is not None:
                with contextlib.suppress(CopilotLocalError):
                    reader.stream.close()

    def _run(self, reader: _Reader) -> None:
        troubles = 0
        while True:
            asked, came = reader.asked, True
            try:
                came = self._look(reader)
                troubles = 0
            except (NotFound, EngineUnavailable):
                came = False  # a container that is gone prints nothing any more
            except CopilotLocalError:
                troubles += 1
                came = troubles < TRIES and not self._closed.wait(LOOK)
            with self._lock:
                if self._closed.is_set() or not (came or reader.asked != asked):
                    reader.runs = False
                    return

    def _look(self, reader: _Reader) -> bool:
        """Passes on what is new until the container ends; whether to look again."""
        first, reader.is_new = reader.is_new, False
        since, tail = reader.cursor.since or reader.quiet_since, reader.tail if first else None
        if first and tail == 0:
            reader.quiet_since = datetime.now(UTC)
        reader.stream = self._engine.logs(reader.container, follow=True, tail=tail, since=since)
        if self._closed.is_set():
            reader.stream.close()
        came = False
        for line in reader.cursor.unread(reader.stream):
            came = True
            self._on_line(reader.container, line)
        return came or first


@dataclass(slots=True)
class _Reader:
    """How far a container was read."""

    container: str
    tail: int | None
    cursor: LogCursor
    quiet_since: datetime | None = None
    """When it was first asked for what comes alone."""
    is_new: bool = True
    asked: int = 0
    runs: bool = False
    thread: threading.Thread = field(default_factory=threading.Thread)
    stream: Stream[LogLine] | None = None


def print_so_far(
    engine: Engine, members: Sequence[TaskMember], tail: int | None, wanted: Wanted
) -> Iterator[ContainerLine]:
    """What containers printed, by time; with `tail` the last lines of each, of those that are `wanted`."""
    sources = [_lines(engine, member, tail, wanted) for member in members]
    yield from heapq.merge(*sources, key=lambda found: found.line.timestamp or _EPOCH)


def members_of(observed: Observed, services: Sequence[str], *, proxies: bool = False) -> list[TaskMember]:
    """The containers that have started, of these services (none: all); `proxies`: those of Service Connect too."""
    found = [
        TaskMember(task.service, task.id, member)
        for task in observed.tasks.values()
        if not services or task.service in services
        for member in task.members.values()
        if member.started
    ]
    tasks = [task for task in observed.tasks.values() if proxies and (not services or task.service in services)]
    return found + [TaskMember(task.service, task.id, proxy) for task in tasks if (proxy := task.proxy_member)]


def _lines(engine: Engine, found: TaskMember, tail: int | None, wanted: Wanted) -> Iterator[ContainerLine]:
    # Docker counts all lines, not those that are wanted.
    last = tail if wanted is every_line else None
    lines: deque[ContainerLine] = deque(maxlen=tail)
    with contextlib.suppress(CopilotLocalError):
        for line in engine.logs(found.member.container.name, tail=last):
            if not wanted(found.member, line):
                continue
            if tail is None:
                yield found.printed(line)
            else:
                lines.append(found.printed(line))
    yield from lines
