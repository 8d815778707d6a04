"""What runs in an environment, from one container listing."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from emulator.engine.interface import Container, ContainerState, Engine
from emulator.errors import EngineError, EngineUnavailable
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role

_SINGLE = (Role.AGENT, Role.FRONT, Role.INTERNAL_FRONT, Role.UDP_RELAY, Role.AWS, Role.AWS_WAY)
"""What an environment has one of: the field of `Observed` that is called so."""
FAILED_TO_START = "Task failed to start"
GIVEN_UP_CODE = 143
"""ECS's exit code of a container that is stopped before it ever ran."""
ANSWERS_WITHIN = 60.0
"""Seconds of failed listings after which a command that stays with an environment ends."""


@dataclass(frozen=True, slots=True)
class Member:
    """A container of a task, with what its labels say about it."""

    container: Container

    @property
    def name(self) -> str:
        """Its name in the task definition."""
        return self.container.labels.get(names.CONTAINER, "")

    @property
    def essential(self) -> bool:
        """Whether the task ends with this container."""
        return self.container.labels.get(names.ESSENTIAL, "true") == "true"

    @property
    def role(self) -> str:
        """The container's role."""
        return self.container.labels.get(names.ROLE, "")

    @property
    def depends_on(self) -> tuple[str, ...]:
        """Names of the containers that must outlive this one."""
        return tuple(dict.fromkeys(name for name, _ in self.dependencies))

    @property
    def dependencies(self) -> tuple[tuple[str, str], ...]:
        """(container, condition) of what this one waited for before it started."""
        found = filter(None, self.container.labels.get(names.DEPENDS_ON, "").split(","))
        return tuple((name, condition or "START") for name, _, condition in (word.partition(":") for word in found))

    @property
    def given_up(self) -> str:
        """Why it never started and never will, in ECS's words; empty for every other container."""
        return self.container.labels.get(names.GIVEN_UP, "")

    @property
    def stop_timeout(self) -> int:
        """Seconds from SIGTERM to SIGKILL."""
        return int(self.container.labels.get(names.STOP_TIMEOUT, "30"))

    @property
    def logs_to_router(self) -> bool:
        """Whether its log driver writes to the task's log router."""
        return self.container.labels.get(names.LOG_ROUTER, "") != ""

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self.container.state in (ContainerState.RUNNING, ContainerState.PAUSED)

    @property
    def started(self) -> bool:
        """It runs or has run, or was given up, which counts as an exit."""
        return self.container.state is not ContainerState.CREATED

    @property
    def ended(self) -> bool:
        """It has run, or was given up, and does not run now."""
        return self.started and not self.running


@dataclass(slots=True)
class Task:
    """The containers that carry one task id."""

    id: str
    service: str
    config_hash: str
    revision: str
    one_off: bool = False
    """A one-off task: no service wants it, and none replaces it."""
    job_run: str = ""
    """Of a job that the agent runs: the run's id, a slash, and which of its tries it is."""
    pause: Container | None = None
    proxy: Container | None = None
    """Its proxy of Service Connect."""
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def short_id(self) -> str:
        """The first eight characters of the task's id."""
        return self.id[:8]

    @property
    def router(self) -> Member | None:
        """Its log router, if it has one."""
        return next((member for member in self.members.values() if member.role == Role.ROUTER), None)

    @property
    def relay(self) -> Container | None:
        """Its pause, if that relays what its containers log, to the log router or in its place."""
        pause = self.pause
        relays = pause is not None and pause.state is ContainerState.RUNNING and names.RELAY in pause.labels
        return pause if relays else None

    @property
    def lost_relay(self) -> bool:
        """Whether nothing takes its containers' output from Docker, router or not."""
        return self.relay is None and (self.pause is None or names.RELAY in self.pause.labels)

    def fault(self, expected: Iterable[str]) -> str | None:
        """Why this task has to be stopped, or None. `expected` are the containers its definition names.

        ECS: the task stops when an essential container stops, with any exit code.
        """
        if self.pause is None or self.pause.state is not ContainerState.RUNNING:
            return "its network namespace is gone"
        if self.lost_proxy:
            return "its Service Connect proxy exited"
        for member in self.members.values():
            if member.essential and member.given_up:
                return f"{FAILED_TO_START}: {member.given_up}"
            if member.essential and member.ended:
                code = member.container.exit_code
                return f"essential container {member.name} exited" + (f" with code {code}" if code is not None else "")
        for name in expected:
            if name not in self.members:
                return f"container {name} is missing"
            if not self.members[name].started and not self.stays_pending(name):
                return f"container {name} was never started"
        return None

    @property
    def proxy_member(self) -> Member | None:
        """Its proxy like a container of the task definition, by the name that ECS gives it without what it adds."""
        if self.proxy is None:
            return None
        return Member(replace(self.proxy, labels={**self.proxy.labels, names.CONTAINER: Role.SERVICE_CONNECT}))

    @property
    def lost_proxy(self) -> bool:
        """Whether its proxy of Service Connect has ended, or is gone: the task cannot do without."""
        if self.pause is None or names.CONNECT_PROXY not in self.pause.labels:
            return False
        if self.proxy is None:
            return any(member.started for member in self.members.values())
        return self.proxy.state not in (ContainerState.CREATED, ContainerState.RUNNING, ContainerState.PAUSED)

    def stays_pending(self, name: str) -> bool:
        """Whether a container waits for what will never be, and ECS lets it wait: for a dependency to become healthy
        that has exited, or for a container that waits so itself."""
        if name not in self.members or self.members[name].started:
            return False
        for dependency, condition in self.members[name].dependencies:
            other = self.members.get(dependency)
            if other is not None and condition == "HEALTHY" and other.ended:
                return True
            if dependency != name and self.stays_pending(dependency):
                return True
        return False


@dataclass(slots=True)
class Observed:
    """An environment as it is."""

    containers: list[Container]
    agent: Container | None = None
    front: Container | None = None
    internal_front: Container | None = None
    udp_relay: Container | None = None
    aws: Container | None = None
    aws_way: Container | None = None
    """The relay from the endpoint's container to another endpoint on this machine."""
    databases: dict[str, Container] = field(default_factory=dict)
    """By key."""
    beside: list[Container] = field(default_factory=list)
    """Of Compose services."""
    tasks: dict[str, Task] = field(default_factory=dict)
    drains: list[Container] = field(default_factory=list)

    @property
    def service_tasks(self) -> list[Task]:
        """The tasks that services want. A one-off task (`run JOB`) is none of them: it ends by itself."""
        return [task for task in self.tasks.values() if not task.one_off]

    @property
    def job_tasks(self) -> list[Task]:
        """The tasks of jobs that the agent runs on their schedules."""
        return [task for task in self.tasks.values() if task.job_run]

    @property
    def fronts(self) -> list[Container]:
        """The containers of the load balancers, the public one first."""
        return [container for container in (self.front, self.internal_front) if container is not None]

    def tasks_of(self, service: str) -> list[Task]:
        """The tasks of one service, oldest first, without one-off tasks."""
        found = [task for task in self.service_tasks if task.service == service]
        return sorted(found, key=lambda task: (task.pause.created.timestamp() if task.pause else 0.0, task.id))


def observe(engine: Engine, environment: Names) -> Observed:
    """Lists the containers of an environment and sorts them into tasks."""
    return sort_containers(engine.list_containers(environment.labels()))


def environments_of(containers: Iterable[Container]) -> dict[Names, list[Container]]:
    """Containers of ours by their environments, in the order of application and name."""
    found: dict[tuple[str, str], list[Container]] = defaultdict(list)
    for container in containers:
        found[container.labels[names.APP], container.labels.get(names.ENVIRONMENT, "")].append(container)
    return {Names(*key): members for key, members in sorted(found.items())}


class Looks:
    """The listings of a command that stays with an environment: a Docker that is busy for a moment ends nothing."""

    def __init__(self, engine: Engine, environment: Names) -> None:
        self._engine = engine
        self._names = environment
        self._answered = time.monotonic()

    def look(self) -> Observed | None:
        """What there is now; None where Docker did not say, and is to be asked again in a moment.

        Raises `EngineError` where it has not said for `ANSWERS_WITHIN` seconds, and `EngineUnavailable`.
        """
        try:
            observed = observe(self._engine, self._names)
        except EngineUnavailable:
            raise
        except EngineError:
            if time.monotonic() - self._answered > ANSWERS_WITHIN:
                raise
            return None
        self._answered = time.monotonic()
        return observed


def sort_containers(containers: list[Container]) -> Observed:
    """Sorts a listing by what the labels say."""
    containers = [
        _as_stopped(container) if names.GIVEN_UP in container.labels else container for container in containers
    ]
    observed = Observed(containers=containers)
    for container in containers:
        labels = container.labels
        role = labels.get(names.ROLE, "")
        if role in _SINGLE:
            setattr(observed, role.replace("-", "_"), container)
        elif role == Role.DATABASE:
            observed.databases[labels.get(names.DATABASE, "")] = container
        elif role == Role.BESIDE:
            observed.beside.append(container)
        elif role == Role.DRAIN:
            observed.drains.append(container)
        elif task_id := labels.get(names.TASK):
            first = Task(
                id=task_id,
                service=labels.get(names.SERVICE, ""),
                config_hash=labels.get(names.CONFIG_HASH, ""),
                revision=labels.get(names.ECS_REVISION, ""),
                one_off=names.ONE_OFF in labels,
                job_run=labels.get(names.JOB_RUN, ""),
            )
            task = observed.tasks.setdefault(task_id, first)
            if role == Role.PAUSE:
                task.pause = container
            elif role == Role.SERVICE_CONNECT:
                task.proxy = container
            else:
                member = Member(container)
                present = task.members.get(member.name)
                if present is None or not present.running:
                    # Of two of one name, where one is being replaced by the other, the one that runs is meant.
                    task.members[member.name] = member
    return observed


def _as_stopped(container: Container) -> Container:
    """A container that never started, as ECS shows it."""
    return replace(container, state=ContainerState.EXITED, exit_code=GIVEN_UP_CODE, status="never started")
