"""What the containers of an environment print: all of it so far, or as it comes."""

from __future__ import annotations

import contextlib
import heapq
import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from emulator.engine.interface import Engine, LogLine, Stream
from emulator.errors import CopilotLocalError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.names import Names
from emulator.runtime.observed import Member, Observed, observe

LOOK = 0.5
"""Seconds between two looks for new containers."""
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


class LogFollower:
    """Passes on what containers print as events, each container in a thread of its own."""

    def __init__(self, engine: Engine, emit: Emit) -> None:
        self.engine = engine
        self.emit = emit
        self._threads: dict[str, threading.Thread] = {}
        self._streams: dict[str, Stream[LogLine]] = {}
        self._lock = threading.Lock()

    def follow(self, docker_name: str, subject: str) -> None:
        """Follows one container from its first line; `subject` is what its lines are prefixed with."""
        with self._lock:
            if docker_name in self._threads:
                return
            thread = threading.Thread(target=self._read, args=(docker_name, subject), daemon=True)
            self._threads[docker_name] = thread
        thread.start()

    def _read(self, docker_name: str, subject: str) -> None:
        with contextlib.suppress(CopilotLocalError):  # a container that is gone prints nothing any more
            stream = self.engine.logs(docker_name, follow=True)
            self._streams[docker_name] = stream
            for line in stream:
                self.emit(Event(EventKind.LOG, subject, line.text, {"stream": line.stream}))

    def finish(self, docker_name: str, seconds: float = LAST_WORDS) -> None:
        """Waits until everything a stopped container printed was passed on."""
        thread = self._threads.get(docker_name)
        if thread is not None:
            thread.join(seconds)

    def close(self) -> None:
        """Stops following."""
        for stream in self._streams.values():
            with contextlib.suppress(CopilotLocalError):
                stream.close()


def print_so_far(
    engine: Engine, environment: Names, services: Sequence[str], tail: int | None
) -> Iterator[ContainerLine]:
    """What all containers printed, by time; with `tail` the last lines of each."""
    sources = [
        _lines(engine, task_service, task_id, member, tail)
        for task_service, task_id, member in _members(observe(engine, environment), services)
    ]
    yield from heapq.merge(*sources, key=lambda found: found.line.timestamp or _EPOCH)


def follow_all(
    engine: Engine, environment: Names, services: Sequence[str], tail: int | None, interrupted: threading.Event
) -> Iterator[ContainerLine]:
    """As `print_so_far`, then what comes, new tasks included, until interrupted or nothing of it runs any more."""
    lines: queue.SimpleQueue[ContainerLine | None] = queue.SimpleQueue()
    readers: dict[str, threading.Thread] = {}

    def read(service: str, task_id: str, member: Member, last: int | None) -> None:
        with contextlib.suppress(CopilotLocalError):
            for line in engine.logs(member.container.name, follow=True, tail=last):
                lines.put(ContainerLine(service, task_id, member.name, line))

    def watch() -> None:
        first = True
        while not interrupted.is_set():
            with contextlib.suppress(CopilotLocalError):
                observed = observe(engine, environment)
                if not observed.containers:
                    break
                for service, task_id, member in _members(observed, services):
                    if member.container.id not in readers:
                        last = tail if first else None
                        reader = threading.Thread(target=read, args=(service, task_id, member, last), daemon=True)
                        readers[member.container.id] = reader
                        reader.start()
                first = False
            interrupted.wait(LOOK)
        if not interrupted.is_set():
            for reader in readers.values():
                reader.join(LAST_WORDS)
        lines.put(None)

    threading.Thread(target=watch, daemon=True).start()
    while (found := lines.get()) is not None:
        yield found


def _members(observed: Observed, services: Sequence[str]) -> list[tuple[str, str, Member]]:
    return [
        (task.service, task.id, member)
        for task in observed.tasks.values()
        if not services or task.service in services
        for member in task.members.values()
        if member.started
    ]


def _lines(engine: Engine, service: str, task_id: str, member: Member, tail: int | None) -> Iterator[ContainerLine]:
    with contextlib.suppress(CopilotLocalError):
        for line in engine.logs(member.container.name, tail=tail):
            yield ContainerLine(service, task_id, member.name, line)
