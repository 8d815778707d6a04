"""Follows what runs in an environment from Docker's events: each container's lines, and its end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emulator.engine.interface import Engine, EngineEvent, Stream
from emulator.errors import CopilotLocalError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.reports.logs import LogFollower
from emulator.runtime.state import names
from emulator.runtime.state.log_subjects import LogSubjects
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import observe

RETRY = 0.5
READY = 5.0


@dataclass(frozen=True, slots=True)
class Death:
    """A container that ended by itself. `code` is its exit code in digits, or `?`; `last` the last line it printed."""

    id: str
    service: str
    container: str
    code: str
    last: str


class EnvironmentFollower:
    """Passes on the lines of every container of the environment's tasks, those that come later included.

    `subjects` says what a container's lines are prefixed with. `on_started` hears of every start, with the container's
    id, its service and its name; `on_died` of every end that no command asked for. `show_router`: a log router's banner
    and info lines too. Lines from before `start` are left out.
    """

    def __init__(
        self,
        engine: Engine,
        environment: Names,
        emit: Emit,
        subjects: LogSubjects,
        on_started: Callable[[str, str, str], None],
        on_died: Callable[[Death], None] = lambda _: None,
        *,
        show_router: bool = False,
    ) -> None:
        self._engine = engine
        self._names = environment
        self._emit = emit
        self._subjects = subjects
        self._on_started = on_started
        self._on_died = on_died
        self._logs = LogFollower(engine, emit, subjects, show_router=show_router)
        self._ids: dict[str, str] = {}
        """Docker name to the id of the newest container that had it."""
        self._told: set[str] = set()
        """Ids of containers that were signalled to end."""
        self._closed = threading.Event()
        self._ready = threading.Event()
        self._events: Stream[EngineEvent] | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True, name="follow")

    def start(self) -> None:
        """Returns once everything that happens from now on is seen."""
        self._thread.start()
        self._ready.wait(READY)

    def finish(self, docker_name: str) -> None:
        """Waits until everything that a stopped container printed was passed on."""
        self._logs.finish(self._ids.get(docker_name, docker_name))

    def close(self) -> None:
        """Stops following."""
        self._closed.set()
        if self._events is not None:
            with contextlib.suppress(CopilotLocalError):
                self._events.close()
        self._logs.close()

    def _watch(self) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(CopilotLocalError):
                self._events = self._engine.events(self._names.labels())
                for task in observe(self._engine, self._names).tasks.values():
                    for member in task.members.values():
                        if member.started:
                            # What was printed before this command began is for `logs`.
                            tail = None if self._ready.is_set() else 0
                            self._follow(member.container.id, member.container.name, member.container.labels, tail)
                self._ready.set()
                for event in self._events:
                    self._heard(event)
            self._closed.wait(RETRY)

    def _heard(self, event: EngineEvent) -> None:
        labels, container = event.labels, event.container_id
        name, service = labels.get(names.CONTAINER, ""), labels.get(names.SERVICE, "")
        if not name:
            return
        if event.action == "start":
            self._told.discard(container)
            self._follow(container, labels.get("name", container), labels)
            self._on_started(container, service, name)
        elif event.action == "kill":
            self._told.add(container)
        elif event.action == "die" and container not in self._told:
            self._logs.finish(container)
            code = labels.get("exitCode", "?")
            subject = self._subjects.subject(service, labels.get(names.TASK, ""), name)
            self._emit(Event(EventKind.STATE, subject, f"exited with code {code}"))
            self._on_died(Death(container, service, name, code, self._logs.last_line(container)))

    def _follow(self, container: str, docker_name: str, labels: Mapping[str, str], tail: int | None = None) -> None:
        self._ids[docker_name] = container
        self._logs.follow(container, labels, tail=tail)
