"""What fills the hub: threads that ask the agent and Docker, by the functions that the commands print from.

Each begins anew by itself when what it asks goes away: an agent is replaced, an environment taken down and brought up.
A source starts with the first reader of its kind.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from emulator.console.hub import Hub
from emulator.console.samples import Sampler
from emulator.engine.interface import Engine, LogLine
from emulator.errors import CopilotLocalError
from emulator.frontdoor.routing.export import rules_as_json
from emulator.runtime.control import direct
from emulator.runtime.control.client import Agent, agent_of
from emulator.runtime.health.router_chatter import is_chatter
from emulator.runtime.listeners.front_probe import is_local
from emulator.runtime.listeners.probe import silent
from emulator.runtime.reports.direct_overview import direct_overview
from emulator.runtime.reports.follow import follow_all
from emulator.runtime.reports.overview import overview
from emulator.runtime.reports.overview_rows import STARTED_ANEW, Overview, to_plain
from emulator.runtime.reports.stored_state import stored_state
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Member, observe

LOOKED_AT: Final = frozenset({"overview", "tasks", "rules", "services", "trouble"})
"""Kinds that one look gives together."""
LOOK: Final = 1.0
"""Seconds between two looks at the environment, while it is read."""
SELDOM: Final = 5
"""Looks between two of what changes only with an `up`: rules, and whether listeners answer."""
RETRY: Final = 1.0
"""Seconds until a source that has ended begins anew."""
LAST_REQUESTS: Final = 1000
LAST_LINES: Final = 500
"""Of each container."""
SAMPLED_EVERY: Final = 2.0
"""Seconds between two samples of CPU and memory."""
SAMPLES_LINGER: Final = 60.0
"""Seconds that samples are still taken when nothing reads them any more: for a page that is left and come back to."""
LINGER: Final = 5.0
"""Seconds that the environment is still looked at when the last reader has gone: a page that is loaded anew."""


class Sources:
    """What happens in one environment, put into a hub until `close`."""

    def __init__(self, engine: Engine, environment: Names, hub: Hub) -> None:
        self._engine = engine
        self._names = environment
        self._hub = hub
        self._closed = threading.Event()
        self._nudge = threading.Event()
        self._lock = threading.Lock()
        self._started: set[str] = set()
        self._readers: Counter[str] = Counter()
        """By kind."""
        self._unread_since = dict.fromkeys(("overview", "metrics"), time.monotonic())
        self._services: dict[str, object] = {}

    @contextlib.contextmanager
    def reading(self, kinds: Collection[str]) -> Iterator[None]:
        """Within this block it is read these kinds."""
        for kind, run in self._runners().items():
            if kind in kinds or (kind == "overview" and LOOKED_AT.intersection(kinds)):
                self._start(kind, run)
        read = ["overview", *(["metrics"] if "metrics" in kinds else [])]
        with self._lock:
            self._readers.update(read)
        self._nudge.set()
        try:
            yield
        finally:
            with self._lock:
                self._readers.subtract(read)
                self._unread_since.update(dict.fromkeys(read, time.monotonic()))

    def look_soon(self) -> None:
        """Something was done that shows: the next look is now."""
        self._nudge.set()

    def close(self) -> None:
        """Starts nothing any more. Threads that wait for the agent or for Docker end with the connection."""
        self._closed.set()
        self._nudge.set()

    def _runners(self) -> Mapping[str, Callable[[], None]]:
        return {
            "overview": self._look,
            "events": lambda: self._follow("events", self._events),
            "access": lambda: self._follow("access", self._access),
            "lines": lambda: self._follow("lines", self._lines),
            "metrics": self._sample,
        }

    def _start(self, kind: str, run: Callable[[], None]) -> None:
        with self._lock:
            if kind in self._started:
                return
            self._started.add(kind)
        threading.Thread(target=run, daemon=True, name=f"console-{kind}").start()

    def _look(self) -> None:
        """Looks at the environment again and again while it is read."""
        number = 0
        while not self._closed.is_set():
            if self._is_read("overview", LINGER):
                with contextlib.suppress(OSError):
                    self._look_once(often=number % SELDOM != 0)
                number += 1
            self._nudge.wait(LOOK)
            self._nudge.clear()

    def _is_read(self, kind: str, linger: float) -> bool:
        with self._lock:
            return self._readers[kind] > 0 or time.monotonic() - self._unread_since[kind] < linger

    def _sample(self) -> None:
        """Samples containers again and again while that is read."""
        sampler = Sampler(self._engine, self._names)
        while not self._closed.is_set():
            if self._is_read("metrics", SAMPLES_LINGER):
                with contextlib.suppress(CopilotLocalError, OSError):
                    sample = sampler.sample()
                    if sample is not None:
                        self._hub.add("metrics", [sample])
            self._closed.wait(SAMPLED_EVERY)

    def _look_once(self, *, often: bool) -> None:
        try:
            found = direct_overview(self._names) or overview(self._engine, self._names)
            tasks = self._tasks() if found.supervised else []
            self._hub.set("overview", {**_plain(found), "silent": self._silent(found, often=often)})
            self._hub.set("tasks", tasks)
            services = {row.name: row.desired_count for row in found.services}
            if not often or services != self._services:
                state = stored_state(self._engine, self._names) if found.supervised else None
                self._hub.set("rules", rules_as_json([one.service for one in state.services.values()]) if state else [])
                self._hub.set("services", _described(state))
                self._services = dict(services)
            self._hub.set("trouble", None)
        except CopilotLocalError as error:
            self._hub.set("trouble", {"message": error.message, "hint": error.hint})

    def _tasks(self) -> list[dict[str, Any]]:
        answer = direct.answer(self._names, "tasks")
        found: list[dict[str, Any]] = (
            answer["tasks"] if answer is not None else Agent(self._engine, self._names).tasks()
        )
        return found

    _unanswered: tuple[str, ...] = ()

    def _silent(self, found: Overview, *, often: bool) -> tuple[str, ...]:
        """The sentences that `ps` has for listeners that do not answer. They are asked less often."""
        if not often:
            answers = silent(found.listeners) if is_local(self._engine) else {}
            self._unanswered = tuple(
                f"127.0.0.1:{port} does not answer: {why}; {STARTED_ANEW}" for port, why in answers.items()
            )
        return self._unanswered

    def _follow(self, kind: str, source: Callable[[], Iterable[object]]) -> None:
        """Appends what a source tells. Where it ends it begins anew, and tells some of it a second time."""
        while not self._closed.is_set():
            known = self._hub.known(kind)
            with contextlib.suppress(CopilotLocalError, OSError, ValueError):
                for item in source():
                    self._hub.add(kind, [item], known=known)
                    if kind == "events":
                        self._nudge.set()
                    if self._closed.is_set():
                        return
            self._closed.wait(RETRY)

    def _events(self) -> Iterator[object]:
        return iter(agent_of(self._engine, self._names).task_events(follow=True))

    def _access(self) -> Iterator[object]:
        agent = agent_of(self._engine, self._names)
        return (found["fields"] for found in agent.access(follow=True, services=[], tail=LAST_REQUESTS))

    def _lines(self) -> Iterator[object]:
        """As `logs -f`: without a log router's banner and info lines."""

        def wanted(member: Member, line: LogLine) -> bool:
            return not (member.role == Role.ROUTER and is_chatter(line.text))

        observe(self._engine, self._names)  # where Docker does not answer, that is tried again later
        for found in follow_all(self._engine, self._names, [], LAST_LINES, self._closed, wanted):
            yield {
                "at": found.line.timestamp.isoformat() if found.line.timestamp else None,
                "service": found.service,
                "task": found.task_id,
                "container": found.container,
                "s": found.line.stream,
                "text": found.line.text,
            }


def _plain(found: Overview) -> dict[str, Any]:
    """As `ps --format json`, and of each listener what is made of its fields."""
    content = to_plain(found)
    for listener, one in zip(content["listeners"], found.listeners, strict=True):
        listener |= {"url": one.url, "is_internal": one.is_internal}
    return content


def _described(state: DesiredState | None) -> dict[str, object]:
    """What the page says of each service beside its tasks."""
    return {
        name: {
            "type": desired.service.type,
            "revision": desired.revision,
            "manifest": desired.service.manifest,
            "memory": desired.service.task_definition.memory,
            "cpu": desired.service.task_definition.cpu,
            "containers": [one.name for one in desired.service.task_definition.container_definitions],
            "queues": [queue.resource for queue in desired.service.queues],
            "topics": [topic.name for topic in desired.service.topics],
        }
        for name, desired in (state.services.items() if state else ())
    }
