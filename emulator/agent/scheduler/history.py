"""What became of each task, in the shapes that DescribeTasks and ECS's task state change events have.

Source: the ECS developer guide, "Task lifecycle", and the API reference (Task, Container). The states are read off the
container listing; why a task stops is reported by the code that decides it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from emulator.agent.scheduler.described.protection import ProtectedTasks
from emulator.agent.scheduler.described.tasks import (
    Context,
    announced_task,
    attachments_of,
    containers_of,
    new_task,
    note_definition,
    note_interfaces,
    note_progress,
    status_of,
    task_health,
)
from emulator.engine.interface import EngineEvent
from emulator.runtime.health.exits import KILLED, OUT_OF_MEMORY, Exit, Exits
from emulator.runtime.planning.one_off import exited_members
from emulator.runtime.specs.restart import may_restart
from emulator.runtime.state.desired import DesiredService, DesiredState
from emulator.runtime.state.observed import FAILED_TO_START, Observed, Task
from emulator.runtime.state.operations import Verb

KEPT_STOPPED = 100
KEPT_EVENTS = 1000
LATE = timedelta(seconds=1)
"""How long after the end of a container Docker may still tell that memory had run out."""

NO_IMAGE = "No such image"
"""In Docker's words."""
CANNOT_PULL = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {}"
"""In the words of Fargate, up to the reason."""
_START_ERRORS: dict[str, str] = {
    Verb.CREATE_CONTAINER: "CannotCreateContainerError",
    Verb.START_CONTAINER: "CannotStartContainerError",
}
STOPPING_VERBS = frozenset(
    {Verb.WITHDRAW_NAME, Verb.DEREGISTER, Verb.REVIVE_ROUTER, Verb.STOP_CONTAINER, Verb.REMOVE_CONTAINER}
)
"""What a task's end begins with."""
_BY_ITSELF = ("EssentialContainerExited", "TaskFailedToStart")
ESSENTIAL_EXITED = ("EssentialContainerExited", "Essential container in task exited")


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a task stops: ECS's stop code and the reason in words."""

    code: str
    reason: str


def stop_for(reason: str) -> Stop:
    """ECS's stop code for a reason of a plan; an essential container's exit has fixed words in ECS."""
    if reason.startswith("essential container "):
        return Stop(*ESSENTIAL_EXITED)
    if reason.startswith(FAILED_TO_START):
        return Stop("TaskFailedToStart", FAILED_TO_START)
    return Stop("ServiceSchedulerInitiated", reason)


def start_failure(verb: str, message: str) -> Stop | None:
    """What ECS calls an operation of a plan that failed while a task was being started; None for any other one."""
    name = _START_ERRORS.get(verb)
    if name is None:
        return None
    if NO_IMAGE in message:
        reference = message.partition(f"{NO_IMAGE}: ")[2].strip() or "the image"
        return Stop("TaskFailedToStart", f"{CANNOT_PULL.format(reference)}: {message}")
    return Stop("TaskFailedToStart", f"{name}: {message}")


@dataclass(slots=True)
class TaskRecord:
    """One task, past or present."""

    id: str
    service: str
    content: dict[str, Any]
    """DescribeTasks' `Task`."""

    @property
    def status(self) -> str:
        return str(self.content["lastStatus"])


class TaskHistory:
    """The tasks of an environment and the changes of their state."""

    def __init__(self) -> None:
        self.protected = ProtectedTasks()
        self._tasks: dict[str, TaskRecord] = {}
        self._stops: dict[str, Stop] = {}
        self._ends = Exits()
        self._exits: dict[str, Exit] = {}
        """By container id, the last ones."""
        self._announced: set[str] = set()
        """Tasks that something looks after until they are gone, and tells of that."""
        self._events: deque[dict[str, Any]] = deque(maxlen=KEPT_EVENTS)
        self._count = 0
        self._changed = threading.Condition()

    def stopping(self, task_id: str, stop: Stop) -> None:
        """Records why a task stops. The first reason stays."""
        with self._changed:
            self._stops.setdefault(task_id, stop)

    def unwanted(self, service: str, reason: str, state: DesiredState) -> list[str]:
        """No task of a service is to run any more, also of those that are still being started. Returns the ids of those
        that were to run until now."""
        context, found = Context(state, frozenset(), frozenset()), []
        with self._changed:
            for record in self._tasks.values():
                content = record.content
                if content["group"] != f"service:{service}" or content["desiredStatus"] == "STOPPED":
                    continue
                stop = self._stops.setdefault(record.id, Stop("ServiceSchedulerInitiated", reason))
                content |= {"desiredStatus": "STOPPED", "stopCode": stop.code, "stoppedReason": stop.reason}
                content["stoppingAt"] = context.now
                self._tell(record, context)
                found.append(record.id)
        return found

    def spare(self, tasks: Iterable[str]) -> None:
        """The service scheduler does not stop these after all."""
        with self._changed:
            for task_id in tasks:
                stop = self._stops.get(task_id)
                if stop is None or stop.code != "ServiceSchedulerInitiated":
                    continue
                del self._stops[task_id]
                record = self._tasks.get(task_id)
                if record is not None and record.status != "STOPPED":
                    record.content["desiredStatus"] = "RUNNING"
                    for key in ("stopCode", "stoppedReason", "stoppingAt"):
                        record.content.pop(key, None)

    def why(self, task_id: str) -> str:
        """The reason that a task stops for, in words; empty where it is not stopping."""
        with self._changed:
            stop = self._stops.get(task_id)
        return stop.reason if stop is not None else ""

    def happened(self, event: EngineEvent) -> None:
        """Takes an event of Docker's. A container that is removed at once is in no listing as exited."""
        with self._changed:
            if (end := self._ends.note(event) or self._killed_before(event)) is None:
                return
            self._exits[event.container_id] = end
            for record in self._tasks.values():
                self._add_exits(record.content)
            for oldest in list(self._exits)[:-KEPT_EVENTS]:
                del self._exits[oldest]

    def _killed_before(self, event: EngineEvent) -> Exit | None:
        """The exit whose cause an event tells: Docker may report `oom` an instant after the end that it brought."""
        end = self._exits.get(event.container_id) if event.action == "oom" else None
        if end is None or end.code != KILLED or end.signalled or event.time - end.at > LATE:
            return None
        return replace(end, out_of_memory=True)

    def _add_exits(self, content: Mapping[str, Any]) -> None:
        for container in content["containers"]:
            end = self._exits.get(container.get("runtimeId", ""))
            if container["lastStatus"] == "STOPPED" and end is not None:
                container.setdefault("exitCode", end.code)
                if end.out_of_memory:
                    container["reason"] = OUT_OF_MEMORY

    def with_memory(self, task_id: str, reason: str) -> str:
        """A reason of a plan, with that of a container which was killed for memory; once, however often asked."""
        if reason.endswith(OUT_OF_MEMORY):
            return reason
        with self._changed:
            record = self._tasks.get(task_id)
            containers = record.content["containers"] if record is not None else []
            killed = any(
                reason.startswith(f"essential container {one['name']} exited") and one.get("reason") == OUT_OF_MEMORY
                for one in containers
            )
        return f"{reason}: {OUT_OF_MEMORY}" if killed else reason

    def failed_in_a_row(self, service: str) -> int:
        """How many of the last tasks of a service ended by themselves, or did not start, one after the other in one
        deployment."""
        with self._changed:
            ended = [
                one.content for one in self._tasks.values() if one.service == service and "stopCode" in one.content
            ]
        count = 0
        for content in reversed(ended):
            if content["stopCode"] not in _BY_ITSELF or content.get("startedBy") != ended[-1].get("startedBy"):
                break
            count += 1
        return count

    def announce(self, task_id: str, desired: DesiredService, labels: Mapping[str, str], state: DesiredState) -> None:
        """A task that is to be started is known from now on, with the labels of its pause."""
        context = Context(state, frozenset(), frozenset())
        with self._changed:
            content = announced_task(labels, desired, context)
            content["lastStatus"] = "PROVISIONING"
            record = self._tasks[task_id] = TaskRecord(task_id, desired.service.name, content)
            self._announced.add(task_id)
            self._tell(record, context)

    def note(self, task: Task, state: DesiredState, one_offs: Iterable[DesiredService]) -> None:
        """Brings one task that runs by itself up to date."""
        with self._changed:
            self._update(task, context := Context(state, frozenset(), frozenset(), one_offs))
            if task.members and all(member.started for member in task.members.values()):
                self._tasks[task.id].content.setdefault("startedAt", context.now)  # it may have ended at once

    def meet(self, task: Task, state: DesiredState, deployment: str) -> None:
        """A task is about to be stopped: it is known, although it may come and go between two looks."""
        with self._changed:
            if task.id not in self._tasks:
                self._update(task, Context(state, frozenset(), frozenset(), deployments={task.id: deployment}))

    def gone(self, task_id: str, state: DesiredState) -> None:
        """A task that was announced has no containers any more, if it ever had some."""
        with self._changed:
            self._announced.discard(task_id)
            record = self._tasks.get(task_id)
            if record is not None and record.status != "STOPPED":
                self._stopped(record, Context(state, frozenset(), frozenset()))

    def failed_to_start(self, task_id: str) -> bool:
        """Whether it is known that a task could not be started."""
        with self._changed:
            stop = self._stops.get(task_id)
        return stop is not None and stop.code == "TaskFailedToStart"

    def is_stopping(self, task_id: str) -> bool:
        """Whether it was decided that the task stops."""
        with self._changed:
            return task_id in self._stops

    def look(
        self,
        state: DesiredState,
        observed: Observed,
        registered: frozenset[str] = frozenset(),
        draining: frozenset[str] = frozenset(),
        one_offs: Iterable[DesiredService] = (),
        deployments: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Brings every task up to date. `registered` and `draining` are tasks with targets in the front, by id;
        `one_offs` are what tasks are made from that commands run; `deployments` has the id of that of each task of a
        service: what knows them tells this history of its events while it is locked, and must not be asked then."""
        context = Context(state, registered, draining, one_offs, deployments)
        with self._changed:
            for task in observed.tasks.values():
                self._update(task, context)
            for record in list(self._tasks.values()):
                if record.id not in observed.tasks and record.id not in self._announced and record.status != "STOPPED":
                    self._stopped(record, context)
            self._forget_oldest()

    def tasks(self, service: str | None = None) -> list[dict[str, Any]]:
        """DescribeTasks' `Task` of each, running ones and the last that stopped, oldest first."""
        with self._changed:
            return [record.content for record in self._tasks.values() if service in (None, record.service)]

    def events(self, *, follow: bool) -> Iterator[dict[str, Any]]:
        """State changes of tasks, and of runs of jobs, so far, in EventBridge's shape; with `follow` without end."""
        seen = 0
        while True:
            with self._changed:
                if follow:
                    self._wait_beyond(seen)
                fresh = list(self._events)[max(0, len(self._events) - (self._count - seen)) :]
                seen = self._count
            yield from fresh
            if not follow:
                return

    def _wait_beyond(self, count: int) -> None:
        self._changed.wait_for(lambda: self._count > count, timeout=60)

    def _update(self, task: Task, context: Context) -> None:
        record = self._tasks.get(task.id)
        if record is None:
            record = self._tasks[task.id] = TaskRecord(task.id, task.service, new_task(task, context))
        content = record.content
        before = (content["lastStatus"], content["desiredStatus"], [c["lastStatus"] for c in content["containers"]])
        # One without an exit code is being removed, to be made anew.
        fault = task.fault(()) if task.one_off and not any(map(may_restart, exited_members(task))) else None
        if fault and fault.startswith("essential ") and " with code " in fault:
            self._stops.setdefault(task.id, stop_for(fault))
        stop = self._stops.get(task.id)
        if stop is not None and content["desiredStatus"] != "STOPPED":
            content |= {"desiredStatus": "STOPPED", "stopCode": stop.code, "stoppedReason": stop.reason}
            content["stoppingAt"] = context.now
        note_definition(task, content, context)
        content["containers"] = containers_of(task, content, context)
        content["attachments"] = attachments_of(task, content)
        note_interfaces(content)
        note_progress(task, content, context)
        self._add_exits(content)
        content["healthStatus"] = task_health(task)
        if task.members and not any(member.running for member in task.members.values()) and stop is not None:
            content.setdefault("executionStoppedAt", context.now)
        content["lastStatus"] = status_of(task, context, stopping=stop is not None)
        if content["lastStatus"] == "RUNNING" and "startedAt" not in content:
            content["startedAt"] = context.now
        after = (content["lastStatus"], content["desiredStatus"], [c["lastStatus"] for c in content["containers"]])
        if before != after:
            self._tell(record, context)

    def _stopped(self, record: TaskRecord, context: Context) -> None:
        stop = self._stops.pop(record.id, Stop("UserInitiated", "Task stopped by user"))
        content = record.content
        content |= {"lastStatus": "STOPPED", "desiredStatus": "STOPPED", "stoppedAt": context.now}
        content["attachments"] = [{**attachment, "status": "DELETED"} for attachment in content["attachments"]]
        content.setdefault("stoppingAt", context.now)
        content.setdefault("executionStoppedAt", context.now)
        content.setdefault("stopCode", stop.code)
        content.setdefault("stoppedReason", stop.reason)
        for container in content["containers"]:
            container["lastStatus"] = "STOPPED"
            if "runtimeId" not in container and content["stopCode"] == "TaskFailedToStart":
                container.setdefault("reason", content["stoppedReason"])
        self._add_exits(content)
        self._tell(record, context)

    def _tell(self, record: TaskRecord, context: Context) -> None:
        content = record.content
        content["version"] += 1
        detail = {**content, "containers": [dict(container) for container in content["containers"]]}
        self.record(
            {
                "detail-type": "ECS Task State Change",
                "source": "aws.ecs",
                "account": content["taskArn"].split(":")[4],
                "region": content["taskArn"].split(":")[3],
                "time": context.now,
                "resources": [content["taskArn"]],
                "detail": detail,
            }
        )

    def record(self, event: dict[str, Any]) -> None:
        """Adds an event in EventBridge's shape to those that `events` gives."""
        with self._changed:
            self._count += 1
            self._events.append(event)
            self._changed.notify_all()

    def _forget_oldest(self) -> None:
        stopped = [record.id for record in self._tasks.values() if record.status == "STOPPED"]
        for task_id in stopped[: max(0, len(stopped) - KEPT_STOPPED)]:
            del self._tasks[task_id]
