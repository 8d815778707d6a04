"""Follows what runs in an environment from Docker's events: each container's lines, and its end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from emulator.engine.interface import Engine, EngineEvent, Stream
from emulator.errors import CopilotLocalError
from emulator.events import Emit, Event, EventKind
from emulator.runtime import names
from emulator.runtime.logs import LogFollower
from emulator.runtime.names import Names
from emulator.runtime.observed import observe

RETRY = 0.5
READY = 5.0


class EnvironmentFollower:
    """Passes on the lines of every container of the environment's tasks, those that come later included.

    `subject` says what a container's lines are prefixed with, from its service and its own name. `on_started` hears of
    every start, with the container's id, its service and its name.
    """

    def __init__(
        self,
        engine: Engine,
        environment: Names,
        emit: Emit,
        subject: Callable[[str, str], str],
        on_started: Callable[[str, str, str], None],
    ) -> None:
        self._engine = engine
        self._names = environment
        self._emit = emit
        self._subject = subject
        self._on_started = on_started
        self._logs = LogFollower(engine, emit)
        self._ids: dict[str, str] = {}
        """Docker name to the id of the newest container that had it."""
        self._told: set[str] = set()
        """Ids of containers that somebody told to end."""
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
                            self._follow(member.container.id, member.container.name, task.service, member.name)
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
            self._follow(container, labels.get("name", container), service, name)
            self._on_started(container, service, name)
        elif event.action == "kill":
            self._told.add(container)
        elif event.action == "die" and container not in self._told:
            self._logs.finish(container)
            code = labels.get("exitCode", "?")
            self._emit(Event(EventKind.STATE, self._subject(service, name), f"exited with code {code}"))

    def _follow(self, container: str, docker_name: str, service: str, name: str) -> None:
        self._ids[docker_name] = container
        self._logs.follow(container, self._subject(service, name))
