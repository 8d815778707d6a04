"""Follows what runs in an environment from Docker's events: each container's lines, and its end.

Containers are found by their events and not by looks at what runs: one that comes and goes between two looks prints
lines too.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from emulator.engine.interface import Container, ContainerState, Engine, EngineEvent, LogLine, Stream
from emulator.errors import CopilotLocalError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.health.router_chatter import is_chatter
from emulator.runtime.reports.logs import ContainerLine, LogReaders, TaskMember, Wanted, every_line, members_of
from emulator.runtime.state import names
from emulator.runtime.state.log_subjects import LogSubjects
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Observed, observe, sort_containers

RETRY = 0.5
READY = 5.0
LOOK = 0.5
"""Seconds within which an interruption is noticed."""


@dataclass(frozen=True, slots=True)
class Death:
    """A container that ended by itself. `code` is its exit code in digits, or `?`; `last` the last line it printed."""

    id: str
    service: str
    container: str
    code: str
    last: str


class EventLoop:
    """Hears Docker's events of an environment in a thread of its own, and connects again where Docker goes away.

    `look` gets what is there whenever a connection begins, `hear` each event after that; where one of them returns
    False, it ends.
    """

    def __init__(
        self,
        engine: Engine,
        environment: Names,
        look: Callable[[Observed], bool],
        hear: Callable[[EngineEvent], bool],
    ) -> None:
        self._engine = engine
        self._names = environment
        self._look = look
        self._hear = hear
        self._closed = threading.Event()
        self._ready = threading.Event()
        self._events: Stream[EngineEvent] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="follow")

    @property
    def is_ready(self) -> bool:
        """Whether what happened before was looked at."""
        return self._ready.is_set()

    def start(self) -> None:
        """Begins, without waiting for it."""
        self._thread.start()

    def wait(self) -> None:
        """Returns once everything that happens from now on is seen."""
        self._ready.wait(READY)

    def close(self) -> None:
        """Ends it."""
        self._closed.set()
        if self._events is not None:
            with contextlib.suppress(CopilotLocalError):
                self._events.close()

    def _run(self) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(CopilotLocalError):
                self._events = self._engine.events(self._names.labels())
                if self._closed.is_set():
                    self._events.close()
                goes_on = self._look(observe(self._engine, self._names))
                self._ready.set()
                if not goes_on or not all(self._hear(event) for event in self._events):
                    return self.close()
            self._closed.wait(RETRY)


class EnvironmentFollower:
    """Passes on the lines of every container of the environment's tasks as events, those that come later included.

    `subjects` says what a container's lines are prefixed with. `on_started` hears of every start, with the container's
    id, its service and its name; `on_died` of every end that no command asked for, which is said then. `show_router`: a
    log router's banner and info lines too. Lines from before `start` are left out unless `all_lines`. `wanted` says by
    its labels which container is followed.
    """

    def __init__(
        self,
        engine: Engine,
        environment: Names,
        emit: Emit,
        subjects: LogSubjects,
        on_started: Callable[[str, str, str], None] = lambda *_: None,
        on_died: Callable[[Death], None] | None = None,
        *,
        show_router: bool = False,
        all_lines: bool = False,
        wanted: Callable[[Mapping[str, str]], bool] = lambda _: True,
    ) -> None:
        self._engine = engine
        self._names = environment
        self._emit = emit
        self._subjects = subjects
        self._on_started = on_started
        self._on_died = on_died
        self._show_router = show_router
        self._all_lines = all_lines
        self._wanted = wanted
        self._readers = LogReaders(engine, self._printed)
        self._events = EventLoop(engine, environment, self._looked, self._heard)
        self._ids: dict[str, str] = {}
        """Docker name to the id of the newest container that had it."""
        self._labels: dict[str, Mapping[str, str]] = {}
        """By container id."""
        self._last: dict[str, str] = {}
        self._told: set[str] = set()
        """Ids of containers that were signalled to end."""

    def start(self) -> None:
        """Begins to follow, without waiting for it."""
        self._events.start()

    def wait(self) -> None:
        """Returns once everything that happens from now on is seen."""
        self._events.wait()

    def finish(self, docker_name: str) -> None:
        """Waits until everything that a stopped container printed was passed on."""
        if docker_name not in self._ids:  # the event of its start may still be on its way
            with contextlib.suppress(CopilotLocalError):
                self._follow_all(observe(self._engine, self._names))
        if (container := self._ids.get(docker_name)) is not None:
            self._readers.finish(container)

    def drain(self) -> None:
        """Waits until everything was passed on, where another command has removed all containers."""
        self._readers.drain()

    def close(self) -> None:
        """Stops following."""
        self._events.close()
        self._readers.close()

    def _looked(self, observed: Observed) -> bool:
        # What was printed before this command began is for `logs`.
        self._follow_all(observed, None if self._all_lines or self._events.is_ready else 0)
        return True

    def _follow_all(self, observed: Observed, tail: int | None = None) -> None:
        for task in observed.tasks.values():
            for member in task.members.values():
                if member.started:
                    self._follow(member.container.id, member.container.name, member.container.labels, tail)

    def _heard(self, event: EngineEvent) -> bool:
        labels, container = event.labels, event.container_id
        name, service = labels.get(names.CONTAINER, ""), labels.get(names.SERVICE, "")
        if not name or not self._wanted(labels):
            return True
        if event.action == "start":
            self._told.discard(container)
            self._follow(container, labels.get("name", container), labels)
            self._on_started(container, service, name)
        elif event.action == "kill":
            self._told.add(container)
        elif event.action == "die" and container not in self._told and self._on_died is not None:
            self._follow(container, labels.get("name", container), labels)
            self._readers.finish(container)
            code = labels.get("exitCode", "?")
            subject = self._subjects.subject(service, labels.get(names.TASK, ""), name)
            self._emit(Event(EventKind.STATE, subject, f"exited with code {code}"))
            self._on_died(Death(container, service, name, code, self._last.get(container, "")))
        return True

    def _follow(self, container: str, docker_name: str, labels: Mapping[str, str], tail: int | None = None) -> None:
        if names.CONTAINER not in labels or not self._wanted(labels):
            return
        self._ids[docker_name] = container
        self._labels[container] = labels
        self._subjects.add(labels.get(names.SERVICE, ""), labels.get(names.TASK, ""))
        self._readers.read(container, tail=tail)

    def _printed(self, container: str, line: LogLine) -> None:
        labels = self._labels[container]
        if labels.get(names.ROLE) == Role.ROUTER and not self._show_router and is_chatter(line.text):
            return
        service, task, name = (labels.get(label, "") for label in (names.SERVICE, names.TASK, names.CONTAINER))
        subject = self._subjects.subject(service, task, name)
        self._emit(Event(EventKind.LOG, subject, line.text, {"stream": line.stream, "task": task}))
        if line.text.strip():
            self._last[container] = line.text.strip()


def is_no_run_of_a_command(labels: Mapping[str, str]) -> bool:
    """Whether a container is of a service or a job, and not of a one-off task, whose own command shows its lines."""
    return names.ONE_OFF not in labels or names.JOB_RUN in labels


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
    """What is wanted of the last lines (None: all) of each container, by time; then of what comes, new tasks included,
    until interrupted or nothing of the environment runs any more."""
    lines: queue.Queue[ContainerLine | None] = queue.Queue()
    members: dict[str, TaskMember] = {}

    def printed(container: str, line: LogLine) -> None:
        if wanted(members[container].member, line):
            lines.put(members[container].printed(line))

    readers = LogReaders(engine, printed)

    def follow(observed: Observed, last: int | None = None) -> None:
        there = members_of(observed, services, proxies=proxies)
        members.update({found.member.container.id: found for found in there})
        if not events.is_ready:
            for container, line in readers.past([found.member.container.id for found in there], last):
                printed(container, line)
        for found in there:
            readers.read(found.member.container.id, tail=last)

    def look(observed: Observed) -> bool:
        if not observed.containers:
            readers.drain()
            lines.put(None)
            return False
        follow(observed, None if events.is_ready else tail)
        return True

    def hear(event: EngineEvent) -> bool:
        if event.action == "start":
            follow(sort_containers([_row(event)]))
        return event.action != "destroy" or look(observe(engine, environment))

    events = EventLoop(engine, environment, look, hear)
    events.start()
    try:
        while not interrupted.is_set():
            with contextlib.suppress(queue.Empty):
                if (found := lines.get(timeout=LOOK)) is None:
                    break
                yield found
    finally:
        events.close()
        readers.close()


def _row(event: EngineEvent) -> Container:
    """A container that has started, as the listing shows it, which it may have left already."""
    labels = event.labels
    name, image = labels.get("name", event.container_id), labels.get("image", "")
    return Container(event.container_id, name, image, ContainerState.RUNNING, "Up", labels, event.time)
