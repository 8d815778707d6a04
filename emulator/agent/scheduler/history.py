"""What became of each task, in the shapes that DescribeTasks and ECS's task state change events have.

Source: the ECS developer guide, "Task lifecycle", and the API reference (Task, Container). The states are read off the
container listing; why a task stops is reported by the code that decides it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from emulator.ecs.identity import cluster_arn, container_arn, task_definition_arn
from emulator.engine.interface import ContainerState, Health
from emulator.regions import DEFAULT_REGION, LOCAL_ACCOUNT
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService, DesiredState
from emulator.runtime.state.observed import FAILED_TO_START, Member, Observed, Task
from emulator.runtime.state.operations import Verb

KEPT_STOPPED = 100
KEPT_EVENTS = 1000

NO_IMAGE = "No such image"
"""In Docker's words."""
_START_ERRORS: dict[str, str] = {
    Verb.CREATE_CONTAINER: "CannotCreateContainerError",
    Verb.START_CONTAINER: "CannotStartContainerError",
}
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
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
        name = "CannotPullContainerError"
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


@dataclass(slots=True)
class _Context:
    state: DesiredState
    registered: frozenset[str]
    draining: frozenset[str]
    now: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))


class TaskHistory:
    """The tasks of an environment and the changes of their state."""

    def __init__(self) -> None:
        self._tasks: dict[str, TaskRecord] = {}
        self._stops: dict[str, Stop] = {}
        self._exit_codes: dict[str, int] = {}
        """By container id, the last ones."""
        self._out_of_memory: set[str] = set()
        """Ids of containers whose memory did not suffice."""
        self._events: deque[dict[str, Any]] = deque(maxlen=KEPT_EVENTS)
        self._count = 0
        self._changed = threading.Condition()

    def stopping(self, task_id: str, stop: Stop) -> None:
        """Records why a task stops. The first reason stays."""
        with self._changed:
            self._stops.setdefault(task_id, stop)

    def why(self, task_id: str) -> str:
        """The reason that a task stops for, in words; empty where it is not stopping."""
        with self._changed:
            stop = self._stops.get(task_id)
        return stop.reason if stop is not None else ""

    def exited(self, container_id: str, code: int) -> None:
        """A container exited. One that is removed at once is in no listing as exited."""
        with self._changed:
            self._exit_codes[container_id] = code
            for record in self._tasks.values():
                self._add_exit_codes(record.content)
            for oldest in list(self._exit_codes)[:-KEPT_EVENTS]:
                del self._exit_codes[oldest]

    def _add_exit_codes(self, content: Mapping[str, Any]) -> None:
        for container in content["containers"]:
            code = self._exit_codes.get(container["runtimeId"])
            if container["lastStatus"] == "STOPPED" and code is not None:
                container.setdefault("exitCode", code)

    def out_of_memory(self, container_id: str) -> None:
        """A process of a container was killed because the container has no more memory."""
        with self._changed:
            self._out_of_memory.add(container_id)

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
    ) -> None:
        """Brings every task up to date. `registered` and `draining` are tasks with targets in the front, by id."""
        context = _Context(state, registered, draining)
        with self._changed:
            for task in observed.tasks.values():
                self._update(task, context)
            for record in list(self._tasks.values()):
                if record.id not in observed.tasks and record.status != "STOPPED":
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

    def _update(self, task: Task, context: _Context) -> None:
        record = self._tasks.get(task.id)
        if record is None:
            record = self._tasks[task.id] = TaskRecord(task.id, task.service, _new_task(task, context))
        content = record.content
        before = (content["lastStatus"], content["desiredStatus"], [c["lastStatus"] for c in content["containers"]])
        stop = self._stops.get(task.id)
        if stop is not None and content["desiredStatus"] != "STOPPED":
            content |= {"desiredStatus": "STOPPED", "stopCode": stop.code, "stoppedReason": stop.reason}
            content["stoppingAt"] = context.now
        content["containers"] = _containers(task, content, context)
        content["attachments"] = _attachments(task) or content["attachments"]
        for container in content["containers"]:
            if container["runtimeId"] in self._out_of_memory and container.get("exitCode"):
                container["reason"] = OUT_OF_MEMORY
        content["healthStatus"] = _task_health(task)
        content["lastStatus"] = _status(task, context, stopping=stop is not None)
        if content["lastStatus"] == "RUNNING" and "startedAt" not in content:
            content["startedAt"] = context.now
        after = (content["lastStatus"], content["desiredStatus"], [c["lastStatus"] for c in content["containers"]])
        if before != after:
            self._tell(record, context)

    def _stopped(self, record: TaskRecord, context: _Context) -> None:
        stop = self._stops.pop(record.id, Stop("UserInitiated", "Task stopped by user"))
        content = record.content
        content |= {"lastStatus": "STOPPED", "desiredStatus": "STOPPED", "stoppedAt": context.now}
        content.setdefault("stopCode", stop.code)
        content.setdefault("stoppedReason", stop.reason)
        for container in content["containers"]:
            container["lastStatus"] = "STOPPED"
        self._add_exit_codes(content)
        self._tell(record, context)

    def _tell(self, record: TaskRecord, context: _Context) -> None:
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


def _new_task(task: Task, context: _Context) -> dict[str, Any]:
    labels = task.pause.labels if task.pause else next(iter(task.members.values())).container.labels
    desired = context.state.services.get(task.service)
    region = desired.options.region if desired else DEFAULT_REGION
    account = desired.options.account if desired else LOCAL_ACCOUNT
    definition = desired.service.task_definition if desired else None
    return {
        "taskArn": labels.get(names.ECS_TASK_ARN, ""),
        "clusterArn": cluster_arn(region, context.state.cluster, account),
        "taskDefinitionArn": task_definition_arn(
            region, labels.get(names.ECS_FAMILY, ""), int(task.revision or 1), account
        ),
        "group": f"service:{task.service}",
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "cpu": definition.cpu if definition else None,
        "memory": definition.memory if definition else None,
        "createdAt": task.pause.created.isoformat(timespec="milliseconds") if task.pause else context.now,
        "desiredStatus": "RUNNING",
        "lastStatus": "",
        "healthStatus": "UNKNOWN",
        "attributes": [{"name": names.LIMITS, "value": labels[names.LIMITS]}] if names.LIMITS in labels else [],
        "attachments": [],
        "containers": [],
        "version": 0,
    }


def _status(task: Task, context: _Context, *, stopping: bool) -> str:
    members = task.members.values()
    if stopping:
        if task.id in context.draining:
            return "DEACTIVATING"
        return "STOPPING" if any(member.running for member in members) else "DEPROVISIONING"
    if task.pause is None or task.pause.state is not ContainerState.RUNNING:
        return "PROVISIONING"
    desired = context.state.services.get(task.service)
    expected = len(desired.service.task_definition.container_definitions) if desired else len(task.members)
    if len(task.members) < expected or not all(member.started for member in members):
        return "PENDING"
    if desired is not None and desired.service.target_groups and task.id not in context.registered:
        return "ACTIVATING"
    return "RUNNING"


def _attachments(task: Task) -> list[dict[str, Any]]:
    """DescribeTasks' network interface; empty while the task has no address."""
    if task.pause is None or not task.pause.addresses:
        return []
    name, address = next(iter(task.pause.addresses.items()))
    details = [{"name": "privateIPv4Address", "value": address}]
    if name in task.pause.attachments:
        details.insert(0, {"name": "macAddress", "value": task.pause.attachments[name].mac_address})
    return [{"type": "ElasticNetworkInterface", "status": "ATTACHED", "details": details}]


def _containers(task: Task, content: Mapping[str, Any], context: _Context) -> list[dict[str, Any]]:
    """DescribeTasks' `Container` of each; one that is removed already keeps what was known of it."""
    known: dict[str, dict[str, Any]] = {container["name"]: container for container in content["containers"]}
    desired = context.state.services.get(task.service)
    if desired is not None and task.revision != str(desired.revision):
        desired = None
    for name, member in task.members.items():
        known[name] = _container(member, str(content["taskArn"]))
        if desired is not None:
            known[name] |= _as_defined(desired, name)
    return list(known.values())


def _as_defined(desired: DesiredService, name: str) -> dict[str, Any]:
    """What the task definition says of a container: its image as it stands there, its share of the task."""
    defined = next((c for c in desired.service.task_definition.container_definitions if c.name == name), None)
    if defined is None:
        return {}
    found = {"cpu": str(defined.cpu or 0)}
    for key, value in (("memory", defined.memory), ("memoryReservation", defined.memory_reservation)):
        if value:
            found[key] = str(value)
    if isinstance(defined.image, str):
        found["image"] = defined.image
    return found


def _container(member: Member, task_arn: str) -> dict[str, Any]:
    container = member.container
    status = "RUNNING" if member.running else "STOPPED" if member.started else "PENDING"
    found: dict[str, Any] = {
        "containerArn": container_arn(task_arn, member.name),
        "taskArn": task_arn,
        "name": member.name,
        "image": container.image,
        "imageDigest": container.image_id,
        "runtimeId": container.id,
        "lastStatus": status,
        "healthStatus": _health(container.health),
    }
    if status == "STOPPED" and container.exit_code is not None:
        found["exitCode"] = container.exit_code
    if member.given_up:
        found["reason"] = member.given_up
    return found


def _health(health: Health) -> str:
    return {Health.HEALTHY: "HEALTHY", Health.UNHEALTHY: "UNHEALTHY"}.get(health, "UNKNOWN")


def _task_health(task: Task) -> str:
    """Over essential containers: one that is unhealthy decides, then one that is unknown or has no check."""
    found = {_health(member.container.health) for member in task.members.values() if member.essential}
    if "UNHEALTHY" in found:
        return "UNHEALTHY"
    return "HEALTHY" if found == {"HEALTHY"} else "UNKNOWN"
