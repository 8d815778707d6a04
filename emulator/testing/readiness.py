"""Whether everything of an environment runs and is healthy, and if not, what is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from emulator.ecs.service import Service
from emulator.engine.interface import Health
from emulator.runtime.listeners.front_ports import balanced
from emulator.runtime.specs.load_balancer import target_name
from emulator.runtime.state.observed import Observed, Task

HEALTHY = "healthy"


def missing(
    services: dict[str, Service], observed: Observed, status: dict[str, Any], dead: Collection[str] = ()
) -> list[str]:
    """What keeps an environment from being healthy, in words; nothing where it is.

    `status` is the agent's answer: the desired count of each service and the state of every target. A task that has
    lost a container is on its way out and counts as little as one that does not run yet. `dead` are ids of tasks that
    lost one whatever the listing says: Docker tells of a death before it lists it.
    """
    targets: dict[str, list[dict[str, Any]]] = {}
    for target in status["targets"]:
        targets.setdefault(target["name"], []).append(target)
    found: list[str] = []
    for name, desired in status["services"].items():
        if desired["failure"]:
            found.append(f"{name}: {desired['failure']}")
        service = services.get(name)
        expected = [c.name for c in service.task_definition.container_definitions] if service else []
        groups = len(list(balanced(service))) if service else 0
        whole = [task for task in observed.tasks_of(name) if task.id not in dead and task.fault(expected) is None]
        if len(whole) != desired["desired_count"]:
            found.append(f"{name} runs {len(whole)} tasks of {desired['desired_count']}")
        for task in whole:
            found += _unhealthy_containers(task)
            found += _unhealthy_targets(task, targets.get(target_name(task), []), groups)
    return found


def _unhealthy_containers(task: Task) -> Iterator[str]:
    for member in task.members.values():
        if member.running and member.container.health in (Health.STARTING, Health.UNHEALTHY):
            yield f"container {member.name} of {task.service} is {member.container.health}"


def _unhealthy_targets(task: Task, targets: list[dict[str, Any]], expected: int) -> Iterator[str]:
    for target in targets:
        if target["state"] != HEALTHY:
            why = f" ({target['description']})" if target["description"] else ""
            yield f"target {target['name']} is {target['state']}{why}"
    if len(targets) < expected:
        yield f"the load balancer does not know task {task.short_id} of {task.service} yet"
