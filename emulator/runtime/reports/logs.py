"""What the containers of an environment print: all of it so far, or as it comes."""

from __future__ import annotations

import contextlib
import heapq
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from emulator.engine.interface import Engine, LogLine, Stream
from emulator.errors import CopilotLocalError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.health.router_chatter import without_chatter
from emulator.runtime.state import names
from emulator.runtime.state.log_subjects import LogSubjects
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Member, Observed, observe

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


def _noting(lines: Iterable[LogLine], came: list[bool]) -> Iterator[LogLine]:
    """The same lines; `came` is not empty once there was one."""
    for line in lines:
        if not came:
            came.append(True)
        yield line


def every_line(member: Member, line: LogLine) -> bool:
    """Wants each line."""
    del member, line
    return True


class LogFollower:
    """Passes on what containers print as events, each container in a thread of its own.

    `subjects` says what lines are prefixed with; `show_router`: a log router's banner and info lines too.
    """

    def __init__(self, engine: Engine, emit: Emit, subjects: LogSubjects, *, show_router: bool = False) -> None:
        self.engine = engine
        self.emit = emit
        self._subjects = subjects
        self._show_router = show_router
        self._threads: dict[str, threading.Thread] = {}
        self._streams: dict[str, Stream[LogLine]] = {}
        self._last: dict[str, str] = {}
        self._lock = threading.Lock()

    def follow(self, docker_name: str, labels: Mapping[str, str], *, tail: int | None = None) -> None:
        """Follows one container, which has these labels, from its first line; with `tail`, from its last ones."""
        with self._lock:
            if docker_name in self._threads:
                return
            self._subjects.add(labels.get(names.SERVICE, ""), labels.get(names.TASK, ""))
            thread = threading.Thread(target=self._read, args=(docker_name, dict(labels), tail), daemon=True)
            self._threads[docker_name] = thread
        thread.start()

    def last_line(self, docker_name: str) -> str:
        """The last line of a container that was passed on; empty where there was none."""
        return self._last.get(docker_name, "")

    def _read(self, docker_name: str, labels: Mapping[str, str], tail: int | None) -> None:
        service, task, container = (labels.get(label, "") for label in (names.SERVICE, names.TASK, names.CONTAINER))
        router = labels.get(names.ROLE) == Role.ROUTER and not self._show_router
        came: list[bool] = []

        def pass_on(lines: Iterable[LogLine]) -> None:
            for line in without_chatter(_noting(lines, came), router):
                subject = self._subjects.subject(service, task, container)
                self.emit(Event(EventKind.LOG, subject, line.text, {"stream": line.stream, "task": task}))
                if line.text.strip():
                    self._last[docker_name] = line.text.strip()

        with contextlib.suppress(CopilotLocalError):  # a container that is gone prints nothing any more
            stream = self.engine.logs(docker_name, follow=True, tail=tail)
            self._streams[docker_name] = stream
            pass_on(stream)
        if not came and tail is None:
            # Docker may end the stream of a container that exits at that very moment before its first line.
            with contextlib.suppress(CopilotLocalError):
                pass_on(self.engine.logs(docker_name))

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
    engine: Engine, members: Sequence[TaskMember], tail: int | None, wanted: Wanted
) -> Iterator[ContainerLine]:
    """What containers printed, by time; with `tail` the last lines of each, of those that are `wanted`."""
    sources = [_lines(engine, member, tail, wanted) for member in members]
    yield from heapq.merge(*sources, key=lambda found: found.line.timestamp or _EPOCH)


def follow_all(
    engine: Engine,
    environment: Names,
    services: Sequence[str],
    tail: int | None,
    interrupted: threading.Event,
    wanted: Wanted = every_line,
    *,
    proxies: bool = False,
) -> Iterator[ContainerLine]:
    """What is wanted of the last lines (None: all) of each container, then of what comes, new tasks included, until
    interrupted or nothing of the environment runs any more."""
    lines: queue.SimpleQueue[ContainerLine | None] = queue.SimpleQueue()
    readers: dict[str, threading.Thread] = {}

    def read(found: TaskMember, last: int | None) -> None:
        with contextlib.suppress(CopilotLocalError):
            for line in engine.logs(found.member.container.name, follow=True, tail=last):
                if wanted(found.member, line):
                    lines.put(found.printed(line))

    def watch() -> None:
        first = True
        while not interrupted.is_set():
            with contextlib.suppress(CopilotLocalError):
                observed = observe(engine, environment)
                if not observed.containers:
                    break
                for found in members_of(observed, services, proxies=proxies):
                    identifier = found.member.container.id
                    if identifier not in readers:
                        last = tail if first else None
                        readers[identifier] = threading.Thread(target=read, args=(found, last), daemon=True)
                        readers[identifier].start()
                first = False
            interrupted.wait(LOOK)
        if not interrupted.is_set():
            for reader in readers.values():
                reader.join(LAST_WORDS)
        lines.put(None)

    threading.Thread(target=watch, daemon=True).start()
    while (found := lines.get()) is not None:
        yield found


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
