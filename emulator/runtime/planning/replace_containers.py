"""Replaces single containers of tasks that run: what `up --watch` does where a whole new task would be too slow. Pure.

A task keeps its pause, its address, its id and its revision; a container that is made from something else now is
stopped, removed and made again in the same place. ECS knows no such step; what runs afterwards is what a new task
would be made of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import chain, count

from emulator.engine.interface import ContainerSpec
from emulator.runtime.specs.container import MemberSpec
from emulator.runtime.specs.task import TaskFactory
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService, DesiredState
from emulator.runtime.state.names import Role
from emulator.runtime.state.observed import Observed, Task
from emulator.runtime.state.operations import Plan, Verb

STOP_TIMEOUT = 2
"""Seconds from SIGTERM to SIGKILL: short, since a developer waits for the new code."""
_ANY_TASK = "0" * 32
"""The id of a task that is only compared."""
_CAUSE = "it is made from something else now"


@dataclass(frozen=True, slots=True)
class Edit:
    """What a changed state takes: the state itself, settled, and the plan for tasks that run."""

    state: DesiredState
    plan: Plan


def edit(old: TaskFactory, new: TaskFactory, services: Collection[str], observed: Observed) -> Edit:
    """Compares what the tasks of `services` are made from with what they should be made from.

    Where single containers differ they are replaced, and the tasks count as made from the new state. Where more
    differs (the network's owner, volumes, the set of containers, the log router) the service gets the next revision
    and its tasks are left to `reconcile`.
    """
    plan = Plan()
    settled = dict(new.state.services)
    for name in services:
        wanted, before = new.state.services[name], old.state.services.get(name)
        if before is None:
            continue
        kept = {key: getattr(before, key) for key in ("revision", "deployments", "count", "known_names")}
        desired = wanted.model_copy(update=kept)
        changed = changed_containers(old, before, new, desired)
        if changed is None:
            settled[name] = _next_deployment(before, desired, wanted.revision)
            continue
        tasks = [task for task in observed.tasks_of(name) if task.config_hash in before.accepted_hashes()]
        for task in tasks if changed else ():
            _replace(plan, new, desired, observed, task, changed)
        accepted = {task.config_hash for task in tasks} - {desired.config_hash()}
        settled[name] = desired.model_copy(update={"equal_hashes": sorted(accepted)})
    return Edit(new.state.model_copy(update={"services": settled}), plan)


def changed_containers(
    old: TaskFactory, before: DesiredService, new: TaskFactory, desired: DesiredService
) -> frozenset[str] | None:
    """The containers that are made from something else; None where they cannot be replaced one by one."""
    was, will = old.task(before, _ANY_TASK), new.task(desired, _ANY_TASK)
    present = {member.definition.name: member for member in was.members}
    wanted = {member.definition.name: member for member in will.members}
    same_frame = _comparable(was.pause) == _comparable(will.pause)
    if not same_frame or was.volumes.keys() != will.volumes.keys() or present.keys() != wanted.keys():
        return None
    changed = frozenset(name for name, member in wanted.items() if _content(member) != _content(present[name]))
    # A log router holds the lines of others: its task is replaced as a whole.
    if any(wanted[name].spec.labels.get(names.ROLE) == Role.ROUTER for name in changed):
        return None
    return None if any(_awaited(name, will.members) for name in changed) else changed


def _content(member: MemberSpec) -> tuple[object, ...]:
    return _comparable(member.spec), member.files, member.depends_on, member.router


def _comparable(spec: ContainerSpec) -> ContainerSpec:
    return replace(spec, labels={name: text for name, text in spec.labels.items() if name != names.CONFIG_HASH})


def _awaited(container: str, members: Collection[MemberSpec]) -> bool:
    """Whether others start only when this one has ended: then they have to start again too."""
    return any(
        dependency == container and condition in ("COMPLETE", "SUCCESS")
        for member in members
        for dependency, condition in member.depends_on
    )


def _next_deployment(before: DesiredService, desired: DesiredService, free: int) -> DesiredService:
    """A new revision where the definition differs; where only private values do, the same one deployed anew. No
    revision from `free` on is taken."""
    if before.config_hash() != desired.config_hash():
        return desired.model_copy(update={"revision": max(before.revision + 1, free), "known_names": None})
    return desired.model_copy(update={"deployments": before.deployments + 1, "known_names": None})


def _replace(
    plan: Plan, factory: TaskFactory, desired: DesiredService, observed: Observed, task: Task, changed: Collection[str]
) -> None:
    """Operations that replace containers of one task. The new one is there before the old one stops, under another
    Docker name, so that as little as possible happens in between."""
    taken = {container.name for container in observed.containers}
    for member in _of(factory, desired, task, changed):
        spec = replace(member.spec, name=_free_name(member.spec.name, taken))
        present = task.members.get(member.definition.name)
        ready = [plan.add(Verb.CREATE_CONTAINER, spec.name, _CAUSE, spec=spec, files=member.files, task_id=task.id)]
        if present is not None and present.running:
            timeout = min(STOP_TIMEOUT, present.stop_timeout)
            ready = [
                plan.add(Verb.STOP_CONTAINER, present.container.name, _CAUSE, ready, timeout=timeout, task_id=task.id)
            ]
        started = plan.add(
            Verb.START_CONTAINER,
            spec.name,
            _CAUSE,
            ready,
            spec=spec,
            files=member.files,
            task_id=task.id,
            router=member.router,
            timeout=desired.options.time.start_timeout,
            title=f"replace {task.service}/{member.definition.name} {task.short_id}",
        )
        if present is not None:
            plan.add(Verb.REMOVE_CONTAINER, present.container.name, _CAUSE, [started], task_id=task.id)


def _free_name(name: str, taken: Collection[str]) -> str:
    """The container's own name, or that with a number behind it."""
    numbered = (f"{name}-{number}" for number in count(2))
    return next(candidate for candidate in chain([name], numbered) if candidate not in taken)


def _of(factory: TaskFactory, desired: DesiredService, task: Task, changed: Collection[str]) -> Iterator[MemberSpec]:
    """The changed members as this task has them: of its own id, and with the hash that all its containers carry."""
    for member in factory.task(desired, task.id).members:
        if member.definition.name in changed:
            labels = {**member.spec.labels, names.CONFIG_HASH: task.config_hash}
            yield replace(member, spec=replace(member.spec, labels=labels))
