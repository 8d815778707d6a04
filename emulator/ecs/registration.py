"""What RegisterTaskDefinition and Fargate refuse of a task definition. Pure.

Sources: the ECS API reference (RegisterTaskDefinition), the ECS developer guide on task definition differences for
Fargate and on Fargate's task sizes. The words of ECS are those that users of its clients report. `TaskDefinition`
itself keeps fields that only EC2 launch types know.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from emulator.ecs.container_registration import UNSUPPORTED, container_problems, one_network, port_range
from emulator.ecs.fargate import cpu_units, memory_mib, size_problem
from emulator.ecs.problem import Problem, RefusedBy
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
        words = "Family contains invalid characters when it should only contain [a-zA-Z0-9_-]."
        message, hint = f"{definition.family!r} is no family", "letters, digits, - and _, 255 at most"
        yield Problem(message, ("family",), hint, by=RefusedBy.ECS, words=words)
    if definition.network_mode not in (None, "awsvpc"):
        message = f"network mode {definition.network_mode} is not Fargate's"
        words = "Fargate only supports network mode \u2018awsvpc\u2019."
        yield Problem(message, ("networkMode",), "use awsvpc", words=words)
    if definition.ipc_mode:
        words = UNSUPPORTED.format("ipcMode")
        yield Problem("ipcMode is for EC2: Fargate refuses it", ("ipcMode",), "remove it", words=words)
    if definition.pid_mode == "host":
        words = (
            "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is "
            "'task'."
        )
        message = "pidMode host is for EC2: Fargate refuses it"
        yield Problem(message, ("pidMode",), "use pidMode task, or remove it", words=words)
    storage = definition.ephemeral_storage
    if storage is not None and not 21 <= storage.size_in_gi_b <= 200:
        message = f"ephemeralStorage of {storage.size_in_gi_b} GiB; Fargate takes 21 to 200"
        words = f"EphemeralStorage size should be at {'least 21' if storage.size_in_gi_b < 21 else 'most 200'}"
        yield Problem(message, ("ephemeralStorage", "sizeInGiB"), words=words)


def _volumes(definition: TaskDefinition) -> Iterator[Problem]:
    for number, volume in enumerate(definition.volumes):
        if volume.host is not None and volume.host.source_path:
            message = f"volume {volume.name} is a host path, which Fargate refuses"
            yield Problem(message, ("volumes", number, "host", "sourcePath"), words=UNSUPPORTED.format("sourcePath"))
        if volume.docker_volume_configuration is not None:
            message = f"volume {volume.name} is a Docker volume, which Fargate refuses"
            words = UNSUPPORTED.format("dockerVolumeConfiguration")
            yield Problem(message, ("volumes", number, "dockerVolumeConfiguration"), words=words)


def _size(definition: TaskDefinition) -> Iterator[Problem]:
    if definition.cpu is None and definition.memory is None:
        if "FARGATE" in definition.requires_compatibilities:
            message = "Fargate requires that 'cpu' be defined at the task level"
            yield Problem(message, ("requiresCompatibilities",), words=f"{message}.")
        return
    message, hint = size_problem(definition.cpu, definition.memory)
    if message:
        key = "cpu" if definition.cpu is not None else "memory"
        yield Problem(message, (key,), hint, words=_words_of_size(definition, message))
        return
    cpu, memory = cpu_units(definition.cpu or ""), memory_mib(definition.memory or "")
    containers = definition.container_definitions
    shares = sum(container.cpu or 0 for container in containers)
    if shares > cpu:
        message = f"the containers' cpu adds up to {shares}, more than the task's {cpu}"
        words = "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."
        yield Problem(message, ("cpu",), words=words)
    reserved = sum(container.memory_reservation or container.memory or 0 for container in containers)
    if reserved > memory:
        message = f"the containers' memory adds up to {reserved} MiB, more than the task's {memory}"
        # Of limits without reservations it is not known that registration adds them up.
        alone = sum(container.memory_reservation or 0 for container in containers)
        words = (
            "The sum of all container 'memoryReservation' values cannot be greater than the value of the task 'memory'."
        )
        yield Problem(message, ("memory",), by=RefusedBy.FARGATE if alone > memory else RefusedBy.LATER, words=words)
    for number, container in enumerate(containers):
        if (container.memory or 0) > memory:
            message = f"container {container.name} has {container.memory} MiB of memory, its task {memory}"
            words = f"The 'memory' setting for container '{container.name}' is greater than for the task."
            yield Problem(message, ("containerDefinitions", number, "memory"), words=words)


def _words_of_size(definition: TaskDefinition, message: str) -> str:
    cpu, memory = definition.cpu, definition.memory
    if cpu is None or memory is None:
        return f"{message}."
    try:
        cpu_units(cpu)
    except ValueError:
        return "Invalid 'cpu' setting for task."
    return f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory."


def _containers(definition: TaskDefinition) -> Iterator[Problem]:
    containers = definition.container_definitions
    place = ("containerDefinitions",)
    if not containers:
        yield Problem("there is no container", place, by=RefusedBy.ECS, words="Container list cannot be empty.")
    elif not any(container.essential for container in containers):
        words = "Task definition doesn't have any essential container."
        yield Problem("no container is essential; a task has at least one", place, by=RefusedBy.ECS, words=words)
    if len(containers) > MOST_CONTAINERS:
        message = f"{len(containers)} containers; a task has {MOST_CONTAINERS} at most"
        yield Problem(message, place, by=RefusedBy.ECS, words="Too many containers.")
    for name, times in Counter(container.name for container in containers).items():
        if times > 1:
            words = f"Container.name contains duplicate container name {name}."
            yield Problem(f"{times} containers are called {name}", place, by=RefusedBy.ECS, words=words)
    routers = [container.name for container in containers if container.firelens_configuration is not None]
    if len(routers) > 1:
        yield Problem(f"{' and '.join(routers)} have a firelensConfiguration; a task has one log router", place)


def _ports(definition: TaskDefinition) -> Iterator[Problem]:
    taken: dict[int, list[tuple[str, str]]] = {}
    for number, container in enumerate(definition.container_definitions):
        for port, protocol in _container_ports(container):
            before = taken.setdefault(port, [])
            if before:
                message = f"container {container.name} maps port {port}, which {before[0][0]} maps already"
                # One port of both protocols can be registered; a service behind a load balancer cannot have it.
                by = one_network(definition) if protocol in [used for _, used in before] else RefusedBy.LATER
                words = f"{protocol.upper()} host port '{port}' is mapped multiple times in task."
                place, hint = ("containerDefinitions", number, "portMappings"), "they share one network"
                yield Problem(message, place, hint, by=by, words=words)
            before.append((container.name, protocol))


def _container_ports(container: ContainerDefinition) -> Iterator[tuple[int, str]]:
    for mapping in container.port_mappings:
        if mapping.container_port is not None:
            yield mapping.container_port, mapping.protocol
        else:
            yield from ((port, mapping.protocol) for port in port_range(mapping.container_port_range or ""))


def _dependencies(definition: TaskDefinition) -> Iterator[Problem]:
    known = {container.name: container for container in definition.container_definitions}
    for number, container in enumerate(definition.container_definitions):
        place = ("containerDefinitions", number, "dependsOn")
        for dependency in container.depends_on:
            who, condition = dependency.container_name, dependency.condition
            other = known.get(who)
            if other is None:
                message = f"container {container.name} depends on {who}, which is not there"
                words = f"Cannot depend on container + '{who}' because it does not exist"
                yield Problem(message, place, by=RefusedBy.ECS, words=words)
            elif condition == "HEALTHY" and other.health_check is None:
                message = f"container {container.name} waits for {who} to be HEALTHY, but {who} has no health check"
                words = "A dependency container with HEALTHY condition must have health check configured"
                hint = f"give {who} a health check, or wait for it to START"
                yield Problem(message, place, hint, by=RefusedBy.ECS, words=words)
            elif condition in ("COMPLETE", "SUCCESS") and other.essential:
                rule = "dependency container with SUCCESS or COMPLETE condition cannot be an essential container"
                message = f"container {container.name} waits for {condition} of {who}: a {rule}"
                hint = f"set essential to false for {who}"
                yield Problem(message, place, hint, by=RefusedBy.ECS, words=f"A {rule}")
    graph = {name: [d.container_name for d in c.depends_on if d.container_name in known] for name, c in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        chain = " → ".join(reversed(error.args[1]))
        message = f"containers wait for each other: {chain}"
        yield Problem(message, ("containerDefinitions",), "break the circle", by=RefusedBy.ECS)


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
