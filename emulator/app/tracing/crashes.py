"""Containers that end while requests are traced, and tasks that had ended before: what a request failed for."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Collection, Iterator, Sequence

from emulator.ecs.fargate import memory_mib
from emulator.engine.interface import Engine, EngineEvent, Stream
from emulator.errors import CopilotLocalError
from emulator.runtime.control.client import Agent, Message
from emulator.runtime.health.asked import asked_services
from emulator.runtime.health.exits import OUT_OF_MEMORY, Exit, Exits
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names
from emulator.trace.diagnosis.crashes import ENDING, Crash, failed, with_crashes
from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.requests.hops import Trace

_ENDING = 1.0
"""Seconds for Docker to report the end of a container that closed its connection or has not answered."""
_KILLED = 5.0
"""Seconds for it to do so once it has reported that memory ran out: a process with much memory ends slowly."""


class Crashes:
    """Listens to Docker until `close`. Where the events cannot be had, nothing is known of them."""

    def __init__(self, engine: Engine, environment: Names) -> None:
        self._engine = engine
        self._names = environment
        self._changed = threading.Condition()
        self._exits = Exits()
        self._ended: list[Exit] = []
        self._short: dict[str, float] = {}
        """When memory ran out, by task."""
        self._events: Stream[EngineEvent] | None = None
        with contextlib.suppress(CopilotLocalError):
            self._events = engine.events(environment.labels())
            threading.Thread(target=self._listen, args=(self._events,), daemon=True, name="crashes").start()

    def close(self) -> None:
        """Ends the listening."""
        if self._events is not None:
            with contextlib.suppress(CopilotLocalError):
                self._events.close()

    def explain(
        self, trace: Trace, found: Sequence[Diagnosis], state: DesiredState, status: int | None, *, wait: bool
    ) -> list[Diagnosis]:
        """The diagnoses with the ends of containers that explain them. `status`: what the client was answered.
        `wait`: an end that comes later than the answer is waited for."""
        hops = [hop for hop in trace.hops if failed(hop)]
        if not hops or not any(one.certain for one in found):
            return list(found)
        services = _asked_services(trace, state)
        tasks = {hop.task for hop in hops if hop.task}
        began = trace.hops[0].exchange.began
        self._wait(tasks, began, _ENDING if wait and any(hop.exchange.outcome in ENDING for hop in hops) else 0.0)
        with self._changed:
            ended = self._of(tasks, began, services)
        during = [_crash(one, state) for one in ended]
        tasks_now = {one.task for one in during} | tasks
        before = [one for one in self._before(state) if one.task not in tasks_now]
        return with_crashes(found, trace, during, before, services, status)

    def _listen(self, events: Stream[EngineEvent]) -> None:
        with contextlib.suppress(CopilotLocalError):
            for event in events:
                if names.TASK not in event.labels:
                    continue
                with self._changed:
                    end = self._exits.note(event)
                    if event.action == "oom":
                        self._short[event.labels[names.TASK][:8]] = event.time.timestamp()
                    if end is not None and not end.signalled and names.CONTAINER in event.labels:
                        self._ended.append(end)
                    self._changed.notify_all()

    def _wait(self, tasks: Collection[str], began: float, seconds: float) -> None:
        """Until a container of these tasks has ended by itself, or none is expected to."""
        start = time.monotonic()
        with self._changed:
            while not self._of(tasks, began):
                short = any(self._short.get(task, 0.0) >= began for task in tasks)
                left = start + (_KILLED if short else seconds) - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)

    def _of(self, tasks: Collection[str], began: float, services: Collection[str] = ()) -> list[Exit]:
        """What ended of these tasks and services since a request began."""
        return [
            one
            for one in self._ended
            if began <= one.at.timestamp()
            and (one.labels[names.TASK][:8] in tasks or one.labels.get(names.SERVICE, "") in services)
        ]

    def _before(self, state: DesiredState) -> Iterator[Crash]:
        """Tasks of each service's deployment that ended by themselves, oldest first."""
        found: list[Message] = []
        with contextlib.suppress(CopilotLocalError):
            found = Agent(self._engine, self._names).tasks()
        latest = {str(task.get("group", "")): task.get("startedBy") for task in found}
        for task in found:
            group = str(task.get("group", ""))
            crashed = task.get("stopCode") == "EssentialContainerExited" and task["lastStatus"] == "STOPPED"
            if crashed and group.startswith("service:") and task.get("startedBy") == latest[group]:
                yield _ended_task(task, group.removeprefix("service:"), state)


def _asked_services(trace: Trace, state: DesiredState) -> list[str]:
    """Those that a request is for which the load balancer answered itself."""
    request = trace.asked.exchange.request
    if request is None or any(hop.task for hop in trace.hops):
        return []
    with contextlib.suppress(CopilotLocalError):
        return asked_services(state, request.method, request.target, request.headers)
    return []


def _crash(end: Exit, state: DesiredState) -> Crash:
    service, container = end.labels.get(names.SERVICE, ""), end.labels[names.CONTAINER]
    ending = f"{end}{_memory(state, service, container)}" if end.out_of_memory else str(end)
    return Crash(service, end.labels[names.TASK][:8], container, ending, end.out_of_memory)


def _ended_task(task: Message, service: str, state: DesiredState) -> Crash:
    """What DescribeTasks says of a task that ended by itself: it names no container but one killed for memory."""
    short_id = str(task["taskArn"]).rpartition("/")[2][:8]
    for one in task["containers"]:
        if one.get("reason") == OUT_OF_MEMORY:
            ending = f"was killed: {OUT_OF_MEMORY}{_memory(state, service, one['name'])}"
            return Crash(service, short_id, one["name"], ending, out_of_memory=True)
    codes = ", ".join(f"{one['name']} {one['exitCode']}" for one in task["containers"] if "exitCode" in one)
    return Crash(service, short_id, "", f"{task.get('stoppedReason', '')} (exit codes: {codes or 'unknown'})")


def _memory(state: DesiredState, service: str, container: str) -> str:
    """The limit that holds for a container, its own or the task's."""
    desired = state.services.get(service)
    if desired is None:
        return ""
    definition = desired.service.task_definition
    own = next((one.memory for one in definition.container_definitions if one.name == container), None)
    limit = own or (memory_mib(definition.memory) if definition.memory else None)
    return f" (memory {limit} MiB)" if limit else ""
