"""What RegisterTaskDefinition and Fargate refuse of a task definition. Pure.

Source: the ECS API reference (RegisterTaskDefinition), the ECS developer guide on task definition differences for
Fargate and on Fargate's task sizes. `TaskDefinition` itself keeps fields that only EC2 launch types know.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from emulator.ecs.container_registration import container_problems
from emulator.ecs.fargate import cpu_units, memory_mib, size_problem
from emulator.ecs.problem import Problem
from emulator.ecs.task_definition import ContainerDefinition, TaskDefinition

MOST_CONTAINERS = 10
SHORT_HINT = "`[time] ecs_limits = false` in copilot-local.toml lets times be shorter, for tests"
_FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}")


def problems(definition: TaskDefinition) -> list[Problem]:
    """Everything that keeps a task definition from being registered for Fargate, in its order."""
    found = [*_task(definition), *_volumes(definition), *_size(definition), *_containers(definition)]
    for container in definition.container_definitions:
        found += container_problems(container, definition)
    return [*found, *_ports(definition), *_dependencies(definition)]


def _task(definition: TaskDefinition) -> Iterator[Problem]:
    if not _FAMILY.fullmatch(definition.family):
        yield Problem(f"{definition.family!r} is no family", ("family",), "letters, digits, - and _, 255 at most")
    if definition.network_mode not in (None, "awsvpc"):
        message = f"network mode {definition.network_mode} is not Fargate's"
        yield Problem(message, ("networkMode",), "use awsvpc")
    if definition.ipc_mode:
        yield Problem("ipcMode is for EC2: Fargate refuses it", ("ipcMode",), "remove it")
    if definition.pid_mode == "host":
        yield Problem("pidMode host is for EC2: Fargate refuses it", ("pidMode",), "use pidMode task, or remove it")
    storage = definition.ephemeral_storage
    if storage is not None and not 21 <= storage.size_in_gi_b <= 200:
        message = f"ephemeralStorage of {storage.size_in_gi_b} GiB; Fargate takes 21 to 200"
        yield Problem(message, ("ephemeralStorage", "sizeInGiB"))


def _volumes(definition: TaskDefinition) -> Iterator[Problem]:
    for number, volume in enumerate(definition.volumes):
        if volume.host is not None and volume.host.source_path:
            message = f"volume {volume.name} is a host path, which Fargate refuses"
            yield Problem(message, ("volumes", number, "host", "sourcePath"))
        if volume.docker_volume_configuration is not None:
            message = f"volume {volume.name} is a Docker volume, which Fargate refuses"
            yield Problem(message, ("volumes", number, "dockerVolumeConfiguration"))


def _size(definition: TaskDefinition) -> Iterator[Problem]:
    if definition.cpu is None and definition.memory is None:
        if "FARGATE" in definition.requires_compatibilities:
            yield Problem("Fargate requires that 'cpu' be defined at the task level", ("requiresCompatibilities",))
        return
    message, hint = size_problem(definition.cpu, definition.memory)
    if message:
        yield Problem(message, ("cpu" if definition.cpu is not None else "memory",), hint)
        return
    cpu, memory = cpu_units(definition.cpu or ""), memory_mib(definition.memory or "")
    shares = sum(container.cpu or 0 for container in definition.container_definitions)
    if shares > cpu:
        yield Problem(f"the containers' cpu adds up to {shares}, more than the task's {cpu}", ("cpu",))
    reserved = sum(c.memory_reservation or c.memory or 0 for c in definition.container_definitions)
    if reserved > memory:
        message = f"the containers' memory adds up to {reserved} MiB, more than the task's {memory}"
        yield Problem(message, ("memory",))
    for number, container in enumerate(definition.container_definitions):
        if (container.memory or 0) > memory:
            message = f"container {container.name} has {container.memory} MiB of memory, its task {memory}"
            yield Problem(message, ("containerDefinitions", number, "memory"))


def _containers(definition: TaskDefinition) -> Iterator[Problem]:
    containers = definition.container_definitions
    place = ("containerDefinitions",)
    if not containers:
        yield Problem("there is no container", place)
    elif not any(container.essential for container in containers):
        yield Problem("no container is essential; a task has at least one", place)
    if len(containers) > MOST_CONTAINERS:
        yield Problem(f"{len(containers)} containers; a task has {MOST_CONTAINERS} at most", place)
    for name, times in Counter(container.name for container in containers).items():
        if times > 1:
            yield Problem(f"{times} containers are called {name}", place)
    routers = [container.name for container in containers if container.firelens_configuration is not None]
    if len(routers) > 1:
        yield Problem(f"{' and '.join(routers)} have a firelensConfiguration; a task has one log router", place)


def _ports(definition: TaskDefinition) -> Iterator[Problem]:
    taken: dict[int, str] = {}
    for number, container in enumerate(definition.container_definitions):
        for port in _container_ports(container):
            if port in taken:
                message = f"container {container.name} maps port {port}, which {taken[port]} maps already"
                yield Problem(message, ("containerDefinitions", number, "portMappings"), "they share one network")
            taken.setdefault(port, container.name)


def _container_ports(container: ContainerDefinition) -> Iterator[int]:
    for mapping in container.port_mappings:
        if mapping.container_port is not None:
            yield mapping.container_port
        elif mapping.container_port_range and (found := re.fullmatch(r"(\d+)-(\d+)", mapping.container_port_range)):
            yield from range(int(found[1]), int(found[2]) + 1)


def _dependencies(definition: TaskDefinition) -> Iterator[Problem]:
    known = {container.name: container for container in definition.container_definitions}
    for number, container in enumerate(definition.container_definitions):
        place = ("containerDefinitions", number, "dependsOn")
        for dependency in container.depends_on:
            who, condition = dependency.container_name, dependency.condition
            other = known.get(who)
            if other is None:
                yield Problem(f"container {container.name} depends on {who}, which is not there", place)
            elif condition == "HEALTHY" and other.health_check is None:
                message = f"container {container.name} waits for {who} to be HEALTHY, but {who} has no health check"
                yield Problem(message, place, f"give {who} a health check, or wait for it to START")
            elif condition in ("COMPLETE", "SUCCESS") and other.essential:
                message = (
                    f"container {container.name} waits for {condition} of {who}: a dependency container with SUCCESS "
                    "or COMPLETE condition cannot be an essential container"
                )
                yield Problem(message, place, f"set essential to false for {who}")
    graph = {name: [d.container_name for d in c.depends_on if d.container_name in known] for name, c in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        chain = " → ".join(reversed(error.args[1]))
        yield Problem(f"containers wait for each other: {chain}", ("containerDefinitions",), "break the circle")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a task definition: for good, and only because times are shorter than ECS takes them."""

    refused: tuple[Problem, ...]
    short: tuple[Problem, ...]


def judge(definition: TaskDefinition) -> Verdict:
    """The problems of a task definition, sorted by whether short times alone explain them."""
    found = problems(definition)
    return Verdict(
        refused=tuple(problem for problem in found if not problem.timing),
        short=tuple(problem for problem in found if problem.timing),
    )
