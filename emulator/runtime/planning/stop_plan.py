"""Operations that stop a task, in the order in which ECS stops its containers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from emulator.engine.interface import Container, ContainerState
from emulator.runtime.specs.connect.names import serves
from emulator.runtime.state import names
from emulator.runtime.state.names import Role
from emulator.runtime.state.observed import Observed, Task
from emulator.runtime.state.operations import Plan, Verb

DATABASE_STOP_TIMEOUT = 30
"""Seconds that a database may take to end in order."""
ENDPOINT_STOP_TIMEOUT = 30
"""Seconds that the local AWS endpoint may take to write down what it holds."""


def stop_task(
    plan: Plan,
    task: Task,
    reason: str,
    *,
    needs: Iterable[int] = (),
    deregister: int | None = None,
    withdraw: bool = False,
    timeout: int | None = None,
    at_once: bool = False,
) -> int:
    """Operations that stop and remove one task; returns the id of the last one.

    ECS: a container is stopped when every container that depends on it has stopped; each one's stop timeout starts
    at its own turn; the log router therefore goes last, and after it pause. `timeout` shortens every stop timeout.
    `deregister` is how many seconds its targets may drain; None where there is no front. `withdraw`: others go on, and
    are not to find it behind its Service Connect name any more. `at_once`: pause goes beside the stopped containers,
    unless it relays what they log.
    """
    first: list[int] = list(needs)
    if withdraw and serves(task):
        first = [plan.add(Verb.WITHDRAW_NAME, task.short_id, reason, first, task_id=task.id)]
    if deregister is not None:
        first = [plan.add(Verb.DEREGISTER, task.short_id, reason, first, task_id=task.id, timeout=deregister)]
    revived = _needs_router_again(task)
    if revived:
        first = [_revive_router(plan, task, first)]
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
                timeout=_shortened(member.stop_timeout, timeout),
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
    if task.proxy is not None:
        removals.append(plan.add(Verb.REMOVE_CONTAINER, task.proxy.name, reason, after, task_id=task.id))
    if task.pause is not None:
        beside = at_once and names.RELAY not in task.pause.labels
        behind = after if beside else removals or first
        last = plan.add(Verb.REMOVE_CONTAINER, task.pause.name, reason, behind, task_id=task.id)
        removals = [*removals, last] if beside else [last]
    return plan.add(Verb.REMOVE_VOLUME, task.id, "volumes of the task", removals or first, task_id=task.id)


def stop_ahead(observed: Observed, *, timeout: int | None = None) -> Plan:
    """The stops of all tasks, in the order of `stop_task`, and of the load balancers, without any removal: what the
    agent does of a `down` while the command loads. `timeout` shortens every stop timeout.

    A log router, what waits for its stop, and what logs to one that has ended are left to the command, which says what
    became of the last records.
    """
    plan = Plan()
    for front in (*observed.fronts, *([observed.udp_relay] if observed.udp_relay is not None else [])):
        if front.state is ContainerState.RUNNING:
            plan.add(Verb.STOP_CONTAINER, front.name, "down", timeout=0)
    for task in observed.tasks.values():
        _stop_ahead_of_router(plan, task, timeout)
    return plan


def _stop_ahead_of_router(plan: Plan, task: Task, timeout: int | None) -> None:
    own = Plan()
    stop_task(own, task, "down", timeout=timeout)
    router = task.router.container.name if task.router is not None else ""
    ids: dict[int, int] = {}
    for stop in own.operations:
        if stop.verb is Verb.STOP_CONTAINER and stop.subject != router and ids.keys() >= set(stop.needs):
            needs = [ids[need] for need in stop.needs]
            ids[stop.id] = plan.add(stop.verb, stop.subject, stop.cause, needs, timeout=stop.timeout, task_id=task.id)
    stops = [one for one in own.operations if one.verb in (Verb.STOP_CONTAINER, Verb.REVIVE_ROUTER)]
    pause = task.pause
    if pause is not None and pause.state is ContainerState.RUNNING and not task.relay and len(stops) == len(ids):
        plan.add(Verb.STOP_CONTAINER, pause.name, "down", ids.values(), timeout=0)


def stop_databases(plan: Plan, observed: Observed, after: Sequence[int], *, timeout: int | None = None) -> None:
    """Operations that stop every database and Compose service for a `down`, `after` others, and remove it. `timeout`
    shortens the stop."""
    found = [(f"stop database {key.rpartition('/')[2]}", one) for key, one in observed.databases.items()]
    found += [(f"stop {one.labels.get(names.CONTAINER, one.name)} beside", one) for one in observed.beside]
    for title, container in found:
        limit = _shortened(int(container.labels.get(names.STOP_TIMEOUT) or DATABASE_STOP_TIMEOUT), timeout)
        stop = plan.add(Verb.STOP_CONTAINER, container.name, "down", after, timeout=limit, title=title)
        plan.add(Verb.REMOVE_CONTAINER, container.name, "down", [stop])


def stop_endpoint(
    plan: Plan, endpoint: Container, reason: str, needs: Iterable[int] = (), *, timeout: int | None = None
) -> int:
    """Operations that stop the local AWS endpoint, after `needs`, and remove it; returns the id of the last one. It
    writes down at its end what it was sent last: one that is killed loses the messages of a moment. `timeout` shortens
    the stop."""
    stop: list[int] = list(needs)
    if endpoint.state is ContainerState.RUNNING:
        title = "stop the local AWS endpoint"
        limit = _shortened(ENDPOINT_STOP_TIMEOUT, timeout)
        stop = [plan.add(Verb.STOP_CONTAINER, endpoint.name, reason, stop, timeout=limit, title=title)]
    return plan.add(Verb.REMOVE_CONTAINER, endpoint.name, reason, stop)


def _shortened(limit: int, timeout: int | None) -> int:
    return limit if timeout is None else min(timeout, limit)


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


def _needs_router_again(task: Task) -> bool:
    """Whether containers that still run log to a router that does not listen.

    What they log comes too late otherwise; where nothing listens they can be neither stopped nor removed.
    """
    listens = task.router is not None and task.router.running and not task.lost_relay
    return not listens and any(member.logs_to_router and member.running for member in task.members.values())


def _revive_router(plan: Plan, task: Task, needs: list[int]) -> int:
    return plan.add(
        Verb.REVIVE_ROUTER,
        task.router.container.name if task.router is not None else f"of {task.short_id}",
        "containers still log to it",
        needs,
        task_id=task.id,
        title=f"revive the log router of {task.short_id}",
    )
