"""Follows the containers of an environment: what each one prints, and which one ends by itself."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping

from emulator.engine.interface import Engine, EngineEvent, LogLine, Stream
from emulator.errors import CopilotLocalError
from emulator.events import Event, EventKind
from emulator.runtime.health.exits import Exit, Exits
from emulator.runtime.health.router_chatter import is_chatter
from emulator.runtime.reports.logs import LogReaders
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import observe
from emulator.testing.observation.journal import Death, Journal

LAST_LINES = 20
OUT_OF_MEMORY = "ran out of memory"
DRAIN = 3.0
"""Seconds that the last lines of a container which has ended may take to arrive."""
RETRY = 0.5


class Watcher:
    """Reads events and logs in threads of its own, from `start` until `close`.

    A death is an essential container that ended without being told to: Docker reports a signal before the end of a
    container that is stopped or killed. A container with a restart policy may end as often as it likes.
    """

    def __init__(self, engine: Engine, environment: Names, journal: Journal, on_death: Callable[[Death], None]) -> None:
        self._engine = engine
        self._names = environment
        self._journal = journal
        self._on_death = on_death
        self._readers = LogReaders(engine, self._printed)
        self._labels: dict[str, Mapping[str, str]] = {}
        """By container id, of those that are followed."""
        self._exits = Exits()
        self._expected: list[tuple[str, str]] = []
        self.judging = False
        """Whether deaths count yet: who brings the environment up hears of those before by itself."""
        self._closed = threading.Event()
        self._ready = threading.Event()
        self._events: Stream[EngineEvent] | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True, name="copilot-local-watch")

    def start(self) -> None:
        """Returns once everything that happens from now on is seen."""
        self._thread.start()
        self._ready.wait(DRAIN)

    def close(self) -> None:
        """Ends all threads; what was read stays in the journal."""
        self._closed.set()
        if self._events is not None:
            with contextlib.suppress(CopilotLocalError):
                self._events.close()
        self._readers.close()
        if self._thread.is_alive():
            self._thread.join(DRAIN)

    def drain(self) -> None:
        """Waits until what containers that have ended printed is in the journal."""
        ended = {c.id for c in observe(self._engine, self._names).containers if c.exit_code is not None}
        for container in ended:
            self._read_to_the_end(container)

    @contextlib.contextmanager
    def expecting(self, service: str, container: str) -> Iterator[None]:
        """Within this block the end of that container is no failure."""
        self._expected.append((service, container))
        try:
            yield
        finally:
            self._expected.remove((service, container))

    def _watch(self) -> None:
        while not self._closed.is_set():
            try:
                self._events = self._engine.events(self._names.labels())
                self._look()
                self._ready.set()
                for event in self._events:
                    self._heard(event)
            except CopilotLocalError as error:
                if not self._closed.is_set():
                    self._journal.add_event(Event(EventKind.WARNING, "events", f"the event stream broke: {error}"))
            self._closed.wait(RETRY)

    def _look(self) -> None:
        for task in observe(self._engine, self._names).tasks.values():
            for member in task.members.values():
                if member.started:
                    self._follow(member.container.id, member.container.labels)

    def _heard(self, event: EngineEvent) -> None:
        labels, container = event.labels, event.container_id
        if event.action == "oom":
            self._short_of_memory(event)
        if names.CONTAINER not in labels:
            self._exits.note(event)
            return
        end = self._exits.note(event)
        if event.action == "start":
            self._follow(container, labels)
        if end is not None:
            self._read_to_the_end(container)
            self._ended(end)
            if end.out_of_memory and self._shares_memory(labels.get(names.TASK, "")):
                self._journal.add_event(_state_event(event, OUT_OF_MEMORY))
        if event.action in ("start", "die") or event.action.startswith("health_status"):
            self._journal.add_event(_state_event(event))

    def _short_of_memory(self, event: EngineEvent) -> None:
        """Tells of a process that was killed, be it a container's first one or not. Where containers share the task's
        memory, every one of them hears of it: then the task is told of, by its pause, and a container when it ends."""
        service, task = event.labels.get(names.SERVICE, ""), event.labels.get(names.TASK, "")
        if event.labels.get(names.ROLE) == Role.PAUSE:
            words = "a process was killed: the task ran out of memory"
            self._journal.add_event(Event(EventKind.STATE, service, words, {"task": task[:8]}))
        elif names.CONTAINER in event.labels and not self._shares_memory(task):
            self._journal.add_event(_state_event(event, OUT_OF_MEMORY))

    def _shares_memory(self, task_id: str) -> bool:
        with contextlib.suppress(CopilotLocalError):
            task = observe(self._engine, self._names).tasks.get(task_id)
            return task is not None and task.pause is not None and task.pause.labels.get(names.LIMITS) == "task"
        return False

    def _follow(self, container: str, labels: Mapping[str, str]) -> None:
        self._labels[container] = labels
        self._readers.read(container)

    def _printed(self, container: str, line: LogLine) -> None:
        labels = self._labels[container]
        service, name, task = labels.get(names.SERVICE, ""), labels[names.CONTAINER], labels.get(names.TASK, "")
        chatter = labels.get(names.ROLE) == Role.ROUTER and is_chatter(line.text)
        self._journal.add_line(service, name, task, line.stream, line.text, line.timestamp, chatter=chatter)

    def _read_to_the_end(self, container: str) -> None:
        if container in self._labels:
            self._readers.finish(container, DRAIN)

    def _ended(self, end: Exit) -> None:
        labels = end.labels
        if end.signalled or labels.get(names.ESSENTIAL, "true") != "true" or labels.get(names.RESTART_POLICY):
            return
        if labels.get(names.ONE_OFF):  # a job ends by itself
            return
        service, name, task = labels.get(names.SERVICE, ""), labels[names.CONTAINER], labels.get(names.TASK, "")
        lines = [line for line in self._journal.lines() if (line.container, line.task_id) == (name, task)]
        printed = [line.text for line in [line for line in lines if not line.chatter] or lines]
        death = Death(service, name, task, end.code, end.out_of_memory, tuple(printed[-LAST_LINES:]))
        expected = not self.judging or (service, name) in self._expected
        self._journal.add_death(death, expected=expected)
        if not expected:
            self._on_death(death)


def _state_event(event: EngineEvent, words: str = "") -> Event:
    labels = event.labels
    subject = f"{labels.get(names.SERVICE, '')}/{labels[names.CONTAINER]}"
    if not words:
        words = "started" if event.action == "start" else event.action
    if event.action == "die" and words == "die":
        words = f"exited with code {labels.get('exitCode', '?')}"
    return Event(EventKind.STATE, subject, words, {"task": labels.get(names.TASK, "")[:8]})
