"""Operations that start a task: its pause, then its containers as their dependencies allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.engine.interface import ContainerSpec
from emulator.runtime.planning.order import in_dependency_order, in_volume_order, volume_sources
from emulator.runtime.specs.task import TaskSpec
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.operations import Plan, Verb


@dataclass(frozen=True, slots=True)
class StartingTask:
    """A task whose pause is planned: the ids of its creation and its start, and those of its volumes' creation."""

    task: TaskSpec
    cause: str
    created: int
    pause: int
    """Its start, and where it has a proxy of Service Connect that this one is ready."""
    volumes: tuple[int, ...]

    @property
    def task_id(self) -> str:
        return self.task.identity.task_id


def start_task(plan: Plan, state: DesiredState, task: TaskSpec, cause: str) -> None:
    """Operations that start one task where its network is."""
    start_members(plan, state, start_pause(plan, task, [], cause))


def start_pause(
    plan: Plan, task: TaskSpec, needs_first: Sequence[int | None], cause: str, *, names_written: int | None = None
) -> StartingTask:
    """Operations that start a task's pause, and its proxy of Service Connect, if it has one. `needs_first` are what
    must be there before; `names_written` what tells proxies the names."""
    name, task_id = task.pause.name, task.identity.task_id
    volumes = {
        volume: plan.add(Verb.CREATE_VOLUME, volume, cause, labels=dict(labels))
        for volume, labels in task.volumes.items()
    }
    # A volume that a container mounts before it is made is made by Docker, without the labels that `down` finds it by.
    mounted = [volumes[mount.source] for mount in task.pause.mounts if mount.source in volumes]
    needs = [*needs_first, *mounted]
    created = plan.add(Verb.CREATE_CONTAINER, name, cause, needs, spec=task.pause, task_id=task_id)
    started = plan.add(Verb.START_CONTAINER, name, cause, [created], task_id=task_id)
    if task.proxy is not None:
        started = _start_proxy(plan, task, task.proxy, created, [started, names_written], cause)
    return StartingTask(task, cause, created, started, tuple(volumes.values()))


def _start_proxy(
    plan: Plan, task: TaskSpec, proxy: ContainerSpec, created: int, needs: list[int | None], cause: str
) -> int:
    """Operations that start the proxy of a task after `needs`, its pause's start among them; the id of the last one."""
    task_id = task.identity.task_id
    made = plan.add(Verb.CREATE_CONTAINER, proxy.name, cause, [created], spec=proxy, task_id=task_id)
    runs = plan.add(Verb.START_CONTAINER, proxy.name, cause, [made, *needs], task_id=task_id)
    why = "all others start once it is ready"
    return plan.add(Verb.AWAIT_PROXY, proxy.name, why, [runs], spec=proxy, task_id=task_id)


def start_members(
    plan: Plan,
    state: DesiredState,
    starting: StartingTask,
    *,
    aws: int | None = None,
    names_written: int | None = None,
) -> tuple[int, ...]:
    """Operations that start the containers of a task; returns the ids of their starts.

    `aws` is what makes the local AWS endpoint ready, for log routers that send to it; `names_written` what puts
    Service Connect's names into the task.
    """
    task, task_id, cause = starting.task, starting.task_id, starting.cause
    creates = _create_members(plan, starting)
    starts: dict[str, int] = {}
    docker_names = {member.definition.name: member.spec.name for member in task.members}
    timeouts = {member.definition.name: member.definition.start_timeout for member in task.members}
    service = task.pause.labels[names.SERVICE]
    default_timeout = state.services[service].options.time.start_timeout
    for member in in_dependency_order(task):
        name = member.definition.name
        needs: list[int | None] = [starting.pause, names_written, creates[name], aws if member.needs_aws else None]
        # Where a start makes a container anew (an open-file limit that the daemon refuses), its volumes are new too.
        needs += [starts[source] for source in sorted(volume_sources(member)) if source in starts]
        for dependency, condition in member.depends_on:
            needed = starts[dependency]
            if condition != "START":
                needed = plan.add(
                    Verb.AWAIT,
                    docker_names[dependency],
                    f"{name} depends on {dependency}",
                    [needed],
                    condition=condition,
                    waiting=name,
                    timeout=timeouts[dependency] or default_timeout,
                    task_id=task_id,
                    title=f"{name} waits for {dependency} to be {condition}",
                )
            needs.append(needed)
        starts[name] = plan.add(
            Verb.START_CONTAINER,
            member.spec.name,
            cause,
            needs,
            spec=member.spec,
            files=member.files,
            task_id=task_id,
            router=member.router,
            timeout=default_timeout,
            title=f"start {service}/{name} {task_id[:8]}",
        )
    return tuple(starts.values())


def _create_members(plan: Plan, starting: StartingTask) -> dict[str, int]:
    """Operations that create the containers of a task, by container name: those whose volumes others take first."""
    creates: dict[str, int] = {}
    for member in in_volume_order(starting.task):
        sources = [creates[source] for source in volume_sources(member)]
        creates[member.definition.name] = plan.add(
            Verb.CREATE_CONTAINER,
            member.spec.name,
            starting.cause,
            [starting.created, *starting.volumes, *sources],
            spec=member.spec,
            files=member.files,
            task_id=starting.task_id,
        )
    return creates
