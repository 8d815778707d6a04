"""Finds the task behind a request and gathers what is known of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from emulator.agent.metadata.moments import Moments
from emulator.ecs.endpoints import credentials_digest
from emulator.ecs.identity import container_id
from emulator.ecs.task_definition import ContainerDefinition
from emulator.engine.interface import Container, ContainerState, Engine, Health, HealthProbe
from emulator.errors import CopilotLocalError
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService, DesiredState
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed, Task, observe

FRESH = 0.5
"""Seconds that a container listing serves further requests."""
FRESHEST = 0.1
"""The same for a request of a task that is not in it: it has only just started, or it is none of ours."""


@dataclass(frozen=True, slots=True)
class HealthView:
    """What is known of a container health check. `status` None: no verdict yet."""

    status: str | None
    since: datetime | None
    exit_code: int
    output: str


@dataclass(frozen=True, slots=True)
class ContainerView:
    """One container of a task. `definition` is None where its task definition is not known any more, `container` where
    it has not been made yet."""

    id: str
    """As Fargate gives it: task id and a hash of the name."""
    name: str
    definition: ContainerDefinition | None
    container: Container | None
    health: HealthView | None = None
    """None without a check in the task definition."""
    started: datetime | None = None
    finished: datetime | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task. `desired` is what it was made from, None where that is not known any more."""

    id: str
    service: str
    labels: Mapping[str, str]
    desired: DesiredService | None
    pause: Container | None
    network: str
    containers: tuple[ContainerView, ...]
    stopping: bool

    @property
    def arn(self) -> str:
        return self.labels.get(names.ECS_TASK_ARN, "")

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    def container(self, id: str) -> ContainerView | None:
        """The container of that id."""
        return next((view for view in self.containers if view.id == id), None)


class Tasks:
    """The tasks of an environment. `state` gives what should run, `stopping` says whether a task of that id is to stop,
    `one_offs` gives what tasks are made from that commands run by themselves.

    Every method raises the `EngineError` of a daemon that does not answer.
    """

    def __init__(
        self,
        engine: Engine,
        environment: Names,
        state: Callable[[], DesiredState],
        stopping: Callable[[str], bool],
        moments: Moments,
        one_offs: Callable[[], Iterable[DesiredService]] = tuple,
    ) -> None:
        self._engine = engine
        self._names = environment
        self._state = state
        self._stopping = stopping
        self._moments = moments
        self._one_offs = one_offs
        self._lock = threading.Lock()
        self._observed = Observed([])
        self._listed = float("-inf")
        self._read: DesiredState | None = None
        self._definitions: dict[str, DesiredService] = {}
        """By configuration hash: a task that is being replaced still has the definition it was made from."""
        self._probes: dict[str, tuple[float, tuple[HealthProbe, ...]]] = {}

    def by_container(self, id: str, address: str) -> TaskView | None:
        """The task that has a container of that id, where it is that task that asks from that address."""
        views = (self._view(task) for task in self._at(address))
        return next((view for view in views if view.container(id) is not None), None)

    def by_address(self, address: str) -> TaskView | None:
        """The task that has that IPv4 address on the environment's network."""
        return next((self._view(task) for task in self._at(address)), None)

    def by_credentials(self, id: str, address: str) -> TaskView | None:
        """The task whose credentials have that id, where it is that task that asks from that address."""
        digest = credentials_digest(id)
        for task in self._at(address):
            given = {member.container.labels.get(names.CREDENTIALS) for member in task.members.values()} - {None, ""}
            if digest in given:
                return self._view(task)
        return None

    def _at(self, address: str) -> Iterator[Task]:
        """The task of that address in the last listing, then in a new one: it may have started, or got a container,
        since."""
        for fresh in (FRESH, FRESHEST):
            for task in self._look(fresh).tasks.values():
                if task.pause is not None and task.pause.addresses.get(self._names.network) == address:
                    yield task

    def running(self, task_id: str) -> list[str]:
        """Docker's names of the running containers of a task, pause included."""
        task = self._look(FRESH).tasks.get(task_id)
        if task is None:
            return []
        rows = [member.container for member in task.members.values()] + ([task.pause] if task.pause else [])
        return [row.name for row in rows if row.state is ContainerState.RUNNING]

    def _look(self, fresh: float) -> Observed:
        """The containers, from a listing that is no older than that many seconds."""
        with self._lock:
            if time.monotonic() - self._listed > fresh:
                self._observed = observe(self._engine, self._names)
                self._listed = time.monotonic()
            state = self._state()
            if state is not self._read:
                self._definitions |= {desired.config_hash(): desired for desired in state.services.values()}
                current = {desired.config_hash() for desired in state.services.values()}
                in_use = {task.config_hash for task in self._observed.tasks.values()} | current
                self._definitions = {key: value for key, value in self._definitions.items() if key in in_use}
                self._read = state
            return self._observed

    def _view(self, task: Task) -> TaskView:
        desired = self._definitions.get(task.config_hash)
        if desired is None:
            desired = next((one for one in self._one_offs() if one.config_hash() == task.config_hash), None)
        definitions = {}
        if desired is not None:
            definitions = {c.name: c for c in desired.service.task_definition.container_definitions}
        row = task.pause or next(iter(task.members.values())).container
        return TaskView(
            id=task.id,
            service=task.service,
            labels=row.labels,
            desired=desired,
            pause=task.pause,
            network=self._names.network,
            containers=tuple(
                self._container(task, name, definitions.get(name))
                for name in [*definitions, *(name for name in task.members if name not in definitions)]
            ),
            stopping=self._stopping(task.id) or task.fault(()) is not None,
        )

    def _container(self, task: Task, name: str, definition: ContainerDefinition | None) -> ContainerView:
        member = task.members.get(name)
        id = container_id(task.id, name)
        if member is None:
            return ContainerView(id, name, definition, None)
        row, moments = member.container, self._moments.of(member.container.id)
        return ContainerView(
            id=id,
            name=name,
            definition=definition,
            container=row,
            health=self._health(row) if _checked(definition) else None,
            started=(moments.started or row.created) if member.started else None,
            finished=None if member.running or not member.started else moments.finished,
            restarts=moments.restarts,
        )

    def _health(self, row: Container) -> HealthView:
        status = {Health.HEALTHY: "HEALTHY", Health.UNHEALTHY: "UNHEALTHY"}.get(row.health)
        probes = self._probes_of(row)
        since = self._moments.of(row.id).health_changed
        if since is None and status is not None:
            since = _since(probes, healthy=status == "HEALTHY") or row.created
        last = probes[-1] if probes else None
        return HealthView(status, since, last.exit_code if last else 0, last.output if last else "")

    def _probes_of(self, row: Container) -> tuple[HealthProbe, ...]:
        """The check's last runs; none where the container cannot be inspected in time."""
        now = time.monotonic()
        at, probes = self._probes.get(row.id, (float("-inf"), ()))
        if now - at > FRESH:
            try:
                probes = self._engine.health_log(row.id)
            except CopilotLocalError:
                probes = ()
            kept = {id: found for id, found in self._probes.items() if now - found[0] <= FRESH}
            self._probes = {**kept, row.id: (now, probes)}
        return probes


def _checked(definition: ContainerDefinition | None) -> bool:
    """Whether the task definition has a health check for the container."""
    check = definition.health_check if definition is not None else None
    return check is not None and check.command[:1] != ["NONE"]


def _since(probes: tuple[HealthProbe, ...], *, healthy: bool) -> datetime | None:
    """The end of the first of the last runs that agree with the verdict."""
    first = None
    for probe in reversed(probes):
        if (probe.exit_code == 0) is not healthy:
            break
        first = probe.ended
    return first
