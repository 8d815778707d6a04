"""Desired × observed → plan. Pure: decides everything, does nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from emulator.ecs.identity import new_task_id
from emulator.engine.interface import ContainerSpec, ContainerState
from emulator.runtime import names
from emulator.runtime.aws import PATIENCE, aws_spec, log_groups
from emulator.runtime.desired import DesiredState
from emulator.runtime.names import Names, Role
from emulator.runtime.observed import Observed, Task
from emulator.runtime.order import in_dependency_order, in_volume_order, volume_sources
from emulator.runtime.plan import Plan, Verb
from emulator.runtime.service_connect import serves
from emulator.runtime.task_specs import TaskFactory, TaskSpec

FRONT = ""
"""Stands for the front among the services that `reconcile` leaves alone."""
TASK_STEADY = "STEADY"
"""Condition of an await on a whole task: running, container checks healthy, target healthy."""


@dataclass(slots=True)
class Reconciled:
    """A plan, and which tasks it starts and stops (with the reason)."""

    plan: Plan
    started: dict[str, str] = field(default_factory=dict)
    """Task id to service."""
    stopped: dict[str, str] = field(default_factory=dict)
    """Task id to reason."""


def reconcile(
    factory: TaskFactory,
    observed: Observed,
    front: ContainerSpec | None,
    *,
    network_exists: bool,
    fresh_front_rules: bool = False,
    held_back: Iterable[str] = (),
    unhealthy: Mapping[str, str] | None = None,
    leave_alone: AbstractSet[str] = frozenset(),
    new_id: Callable[[], str] = new_task_id,
) -> Reconciled:
    """What has to be done so that an environment runs as desired.

    `front` is None where nothing is routed. `held_back` are services whose replacement waits (back-off); their broken
    tasks are stopped all the same. `unhealthy` are tasks that the service scheduler gives up, with the reason.
    `leave_alone` are services, or `FRONT`, that another plan is at work on. `fresh_front_rules` asks for a front
    configuration even if no task changes.
    """
    state = factory.state
    result = Reconciled(Plan())
    plan = result.plan
    network = None
    if not network_exists:
        network = plan.add(
            Verb.CREATE_NETWORK, factory.names.network, "no such network", labels=factory.names.labels(Role.NETWORK)
        )
    aws = _local_aws(plan, state, observed, network)
    pauses: list[int] = []
    starts: dict[str, tuple[int, ...]] = {}
    connected: list[StartingTask] = []
    outdated: list[Task] = []
    surplus: set[str] = set()
    handled: set[str] = set()
    """Tasks whose end is in the plan already."""
    for name, desired in state.services.items():
        if name in leave_alone:
            continue
        wanted = desired.accepted_hashes()
        expected = [container.name for container in desired.service.task_definition.container_definitions]
        good: list[Task] = []
        changed: list[Task] = []
        for task in observed.tasks_of(name):
            # A task of an older definition has the containers of that one.
            reason = task.fault(expected if task.config_hash in wanted else ()) or (unhealthy or {}).get(task.id)
            if reason:
                result.stopped[task.id] = reason
            elif task.config_hash not in wanted:
                changed.append(task)
            else:
                good.append(task)
        for task in good[desired.desired_count :]:
            result.stopped[task.id] = f"more tasks than the desired {desired.desired_count}"
            surplus.add(task.id)
        missing = desired.desired_count - len(good)
        if name in held_back:
            continue  # what runs on the old definition is better than nothing
        no_room = desired.one_task_at_a_time  # the old task goes before the new one comes
        if not no_room:
            outdated += changed
        result.stopped |= {task.id: "its definition changed" for task in changed}
        first: list[int | None] = [network]
        if no_room:
            for task in (task for task in observed.tasks_of(name) if task.id in result.stopped):
                first.append(_retire(plan, factory, task, result.stopped[task.id], front is not None))
                handled.add(task.id)
        for _ in range(max(0, missing)):
            cause = f"{desired.desired_count} desired, {len(good)} running"
            task_id = new_id()
            starting = start_pause(plan, factory.task(desired, task_id), first, cause)
            pauses.append(starting.pause)
            result.started[task_id] = name
            if desired.service.connect is None:
                starts[task_id] = start_members(plan, state, starting, aws=aws)
            else:
                connected.append(starting)
    if connected:
        # The addresses are known once the pauses run, and the names are there before anything asks for them.
        cause, needs = "tasks have other addresses", [starting.pause for starting in connected]
        written = plan.add(Verb.WRITE_NAMES, factory.names.prefix, cause, needs)
        for starting in connected:
            starts[starting.task_id] = start_members(plan, state, starting, aws=aws, names_written=written)
    for task in observed.tasks.values():
        if task.service not in state.services and task.service not in leave_alone and not task.one_off:
            result.stopped[task.id] = "its service is not wanted any more"

    late = {task.id for task in outdated} | handled
    broken = [task_id for task_id in result.stopped if task_id not in late]
    configured = None
    if FRONT not in leave_alone:
        changes = bool(result.stopped) or fresh_front_rules
        configured = _front(plan, factory.names, observed, front, network, pauses, changes)
    steady: dict[str, list[int]] = {}
    for task_id, service in result.started.items():
        if any(task.service == service for task in outdated):
            await_steady = plan.add(
                Verb.AWAIT,
                task_id[:8],
                "the old task stops when the new one is steady",
                [*starts[task_id], configured],
                condition=TASK_STEADY,
                waiting="the old task",
                timeout=state.services[service].options.time.wait_timeout,
                task_id=task_id,
                title=f"wait until {service} {task_id[:8]} is steady",
            )
            steady.setdefault(service, []).append(await_steady)
    for task_id in broken:
        delay = None if front is None else 0
        if front is not None and task_id in surplus:
            # It is sound and only one too many: it may finish its requests.
            delay = _deregistration_delay(factory, observed.tasks[task_id])
        stop_task(plan, observed.tasks[task_id], result.stopped[task_id], deregister=delay, withdraw=True)
    for task in outdated:
        _retire(plan, factory, task, result.stopped[task.id], front is not None, steady.get(task.service, ()), True)
    return result


def _retire(
    plan: Plan,
    factory: TaskFactory,
    task: Task,
    reason: str,
    routed: bool,
    needs: Iterable[int] = (),
    withdraw: bool = False,
) -> int:
    """Operations that drain and stop a task which another one replaces; the id of the last one."""
    delay = _deregistration_delay(factory, task) if routed else None
    return stop_task(plan, task, reason, needs=needs, deregister=delay, withdraw=withdraw)


def _deregistration_delay(factory: TaskFactory, task: Task) -> int:
    """Seconds between leaving the load balancer and SIGTERM: the longest of the target groups, capped locally."""
    desired = factory.state.services[task.service]
    delay = max((group.deregistration_delay for group in desired.service.target_groups), default=0)
    return delay if desired.options.timing == "ecs" else min(delay, desired.options.time.deregistration_delay_cap)


def _front(
    plan: Plan,
    environment: Names,
    observed: Observed,
    front: ContainerSpec | None,
    network: int | None,
    pauses: list[int],
    targets_change: bool,
) -> int | None:
    """Operations that make the front run with the current targets; the id of the last one, if there is any."""
    present = observed.front
    if front is None:
        if present is not None:
            plan.add(Verb.REMOVE_CONTAINER, present.name, "nothing is routed any more")
        return None
    ready: list[int | None] = [network]
    if present is not None and present.labels.get(names.CONFIG_HASH) != front.labels.get(names.CONFIG_HASH):
        ready.append(plan.add(Verb.REMOVE_CONTAINER, present.name, "its image or port changed"))
        present = None
    if present is None:
        volume = plan.add(
            Verb.CREATE_VOLUME,
            environment.front_volume,
            "the front's configuration",
            labels=environment.labels(Role.VOLUME),
        )
        ready = [plan.add(Verb.CREATE_CONTAINER, front.name, "no front", [*ready, volume], spec=front)]
    elif present.state is ContainerState.RUNNING and not pauses and not targets_change:
        return None
    return plan.add(
        Verb.CONFIGURE_FRONT, front.name, "targets and rules", [*ready, *pauses], title="configure the load balancer"
    )


def _local_aws(plan: Plan, state: DesiredState, observed: Observed, network: int | None) -> int | None:
    """Operations that make the local AWS endpoint answer; the id of the last one. One that is not needed any more stays
    until `down`: it holds what it was sent."""
    spec = aws_spec(state)
    if spec is None:
        return None
    present = observed.aws
    ready: list[int | None] = [network]
    if present is not None and present.labels.get(names.CONFIG_HASH) != spec.labels.get(names.CONFIG_HASH):
        ready.append(plan.add(Verb.REMOVE_CONTAINER, present.name, "its image changed"))
        present = None
    if present is not None and present.state is ContainerState.RUNNING and _has_tasks(state, observed):
        return None
    if present is None:
        environment = Names(state.app, state.environment)
        cause = "a log router sends to local AWS"
        labels = environment.labels(Role.VOLUME)
        for volume in (environment.aws_volume, environment.aws_key_volume):
            ready.append(plan.add(Verb.CREATE_VOLUME, volume, cause, labels=labels))
        ready = [plan.add(Verb.CREATE_CONTAINER, spec.name, cause, ready, spec=spec)]
    start = plan.add(Verb.START_CONTAINER, spec.name, "local AWS", ready, timeout=PATIENCE)
    title = "make the local AWS endpoint ready"
    return plan.add(
        Verb.PREPARE_AWS, spec.name, "log groups of the stacks", [start], log_groups=log_groups(state), title=title
    )


def _has_tasks(state: DesiredState, observed: Observed) -> bool:
    """Whether every service runs as it should already: then the endpoint was made ready for it before."""
    return all(
        [task.config_hash for task in observed.tasks_of(name)] == [desired.config_hash()] * desired.desired_count
        for name, desired in state.services.items()
    )


@dataclass(frozen=True, slots=True)
class StartingTask:
    """A task whose pause is planned: the ids of its creation and its start."""

    task: TaskSpec
    cause: str
    created: int
    pause: int

    @property
    def task_id(self) -> str:
        return self.task.identity.task_id


def start_task(plan: Plan, state: DesiredState, task: TaskSpec, needs_first: Sequence[int | None], cause: str) -> None:
    """Operations that start one task. `needs_first` are what must be there before: network and volumes."""
    start_members(plan, state, start_pause(plan, task, needs_first, cause))


def start_pause(plan: Plan, task: TaskSpec, needs_first: Sequence[int | None], cause: str) -> StartingTask:
    """Operations that start a task's pause. `needs_first` are what must be there before."""
    name, task_id = task.pause.name, task.identity.task_id
    created = plan.add(Verb.CREATE_CONTAINER, name, cause, needs_first, spec=task.pause, task_id=task_id)
    return StartingTask(task, cause, created, plan.add(Verb.START_CONTAINER, name, cause, [created], task_id=task_id))


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
    pause_create, pause_start = starting.created, starting.pause
    volumes = [plan.add(Verb.CREATE_VOLUME, name, cause, labels=dict(labels)) for name, labels in task.volumes.items()]
    creates: dict[str, int] = {}
    for member in in_volume_order(task):
        sources = [creates[source] for source in volume_sources(member)]
        creates[member.definition.name] = plan.add(
            Verb.CREATE_CONTAINER,
            member.spec.name,
            cause,
            [pause_create, *volumes, *sources],
            spec=member.spec,
            files=member.files,
            task_id=task_id,
        )
    starts: dict[str, int] = {}
    docker_names = {member.definition.name: member.spec.name for member in task.members}
    timeouts = {member.definition.name: member.definition.start_timeout for member in task.members}
    default_timeout = state.services[_service_of(task)].options.time.start_timeout
    for member in in_dependency_order(task):
        name = member.definition.name
        needs: list[int | None] = [pause_start, names_written, creates[name], aws if member.needs_aws else None]
        # Where a start makes a container anew (an open-file limit that the daemon refuses), its volumes are new too.
        needs += [starts[source] for source in sorted(volume_sources(member)) if source in starts]
        for dependency, condition in member.depends_on:
            if condition == "START":
                needs.append(starts[dependency])
            else:
                needs.append(
                    plan.add(
                        Verb.AWAIT,
                        docker_names[dependency],
                        f"{name} depends on {dependency}",
                        [starts[dependency]],
                        condition=condition,
                        waiting=name,
                        timeout=timeouts[dependency] or default_timeout,
                        task_id=task_id,
                        title=f"{name} waits for {dependency} to be {condition}",
                    )
                )
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
            title=f"start {_service_of(task)}/{name} {task_id[:8]}",
        )
    return tuple(starts.values())


def _service_of(task: TaskSpec) -> str:
    return task.pause.labels[names.SERVICE]


def stop_task(
    plan: Plan,
    task: Task,
    reason: str,
    *,
    needs: Iterable[int] = (),
    deregister: int | None = None,
    withdraw: bool = False,
    timeout: int | None = None,
) -> int:
    """Operations that stop and remove one task; returns the id of the last one.

    ECS: a container is stopped when every container that depends on it has stopped; each one's stop timeout starts
    at its own turn; the log router therefore goes last, and after it pause. `timeout` shortens every stop timeout.
    `deregister` is how many seconds its targets may drain; None where there is no front. `withdraw`: others go on, and
    are not to find it behind its Service Connect name any more.
    """
    first: list[int] = list(needs)
    if withdraw and serves(task):
        first = [plan.add(Verb.WITHDRAW_NAME, task.short_id, reason, first, task_id=task.id)]
    if deregister is not None:
        first = [plan.add(Verb.DEREGISTER, task.short_id, reason, first, task_id=task.id, timeout=deregister)]
    router = task.router
    listens = router is not None and router.running and not task.lost_relay
    revived = not listens and any(member.logs_to_router and member.running for member in task.members.values())
    if revived:
        # What they log comes too late otherwise; where nothing listens they could be neither stopped nor removed.
        first = [
            plan.add(
                Verb.REVIVE_ROUTER,
                router.container.name if router is not None else f"of {task.short_id}",
                "containers still log to it",
                first,
                task_id=task.id,
                title=f"revive the log router of {task.short_id}",
            )
        ]
    stops: dict[str, list[int]] = {}
    for name in _stop_order(task):
        member = task.members[name]
        dependents = [stop for other in _dependents(task, name) for stop in stops.get(other, [])]
        if member.running or (revived and member.role == Role.ROUTER):
            stop = plan.add(
                Verb.STOP_CONTAINER,
                member.container.name,
                reason,
                [*first, *dependents],
                timeout=member.stop_timeout if timeout is None else min(timeout, member.stop_timeout),
                task_id=task.id,
                title=f"stop {task.service}/{name} {task.short_id}",
            )
            stops[name] = [stop]
        else:
            stops[name] = dependents  # it has stopped by itself: what waits for it waits for what it waited for
    after = [stop for found in stops.values() for stop in found] or first
    removals = [
        plan.add(Verb.REMOVE_CONTAINER, member.container.name, reason, after, task_id=task.id)
        for member in task.members.values()
    ]
    if task.pause is not None:
        removals = [plan.add(Verb.REMOVE_CONTAINER, task.pause.name, reason, removals or first, task_id=task.id)]
    return plan.add(Verb.REMOVE_VOLUME, task.id, "volumes of the task", removals or first, task_id=task.id)


def _dependents(task: Task, name: str) -> list[str]:
    """The containers that stop before this one: those that depend on it; for the log router those that log to it too,
    which ECS makes depend on it unless it has dependencies itself."""
    member = task.members[name]
    routes = member.role == Role.ROUTER
    return [
        other.name
        for other in task.members.values()
        if other is not member
        and (name in other.depends_on or (routes and other.logs_to_router and other.name not in member.depends_on))
    ]


def _stop_order(task: Task) -> list[str]:
    """Containers such that each one comes after all that depend on it; a cycle (impossible in ECS) is cut."""
    order: list[str] = []
    remaining = list(task.members)
    while remaining:
        free = [name for name in remaining if not set(_dependents(task, name)) & set(remaining)] or remaining
        order += free
        remaining = [name for name in remaining if name not in free]
    return order
