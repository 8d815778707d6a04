"""Whether a task definition that overrides and patches changed still has what the rest of the service relies on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from emulator.compiler.context import Context
from emulator.compiler.patches import for_task_definition
from emulator.ecs.service import Service
from emulator.ecs.task_definition import ContainerDefinition
from emulator.errors import InputError, Position

_CONTAINERS = "ContainerDefinitions"


def require_fit(context: Context, service: Service) -> None:
    """Raises InputError at the change to blame where the main container is gone, or a container that a load balancer
    forwards to has lost its port: ECS refuses such a service."""
    if not (context.manifest.taskdef_overrides or for_task_definition(context.surroundings.patches)):
        return
    containers = service.task_definition.container_definitions
    for problem, hint in _problems(service, containers):
        raise InputError(problem, position=_changed_containers(context), hint=hint)


def _problems(service: Service, containers: list[ContainerDefinition]) -> Iterator[tuple[str, str]]:
    main = service.main_container
    names = Counter(container.name for container in containers)
    if not containers:
        yield "no container is left in the task definition", "keep the main container, which is the first one"
    if main not in names:
        yield (
            f"there is no container {main} any more: the main container has the name of the service",
            "leave its Name as it is",
        )
    for name, times in names.items():
        if times > 1:
            yield f"{times} containers are called {name}", "give each its own Name"
    for group in service.target_groups:
        container = next((it for it in containers if it.name == group.container_name), None)
        if container is None:
            yield (
                f"the load balancer forwards to the container {group.container_name}, which is not there any more",
                "leave its Name as it is",
            )
        elif group.container_port not in _ports(container):
            yield (
                f"the load balancer forwards to port {group.container_port} of the container {container.name}, which "
                "its PortMappings do not have any more",
                "keep that port among its PortMappings",
            )


def _ports(container: ContainerDefinition) -> set[int]:
    found: set[int] = set()
    for mapping in container.port_mappings:
        if mapping.container_port is not None:
            found.add(mapping.container_port)
        elif mapping.container_port_range:
            first, _, last = mapping.container_port_range.partition("-")
            if first.isdecimal() and last.isdecimal():
                found.update(range(int(first[:5]), int(last[:5]) + 1))
    return found


def _changed_containers(context: Context) -> Position | None:
    """The last change that a container can be gone by: not one of another property of a container."""
    found = None
    for number, rule in enumerate(context.manifest.taskdef_overrides):
        last = rule.path.rpartition(".")[2].partition("[")[0].lower()
        if last in ("containerdefinitions", "name", "portmappings", "containerport"):
            found = context.position(f"taskdef_overrides[{number}]")
    for patch in for_task_definition(context.surroundings.patches):
        if patch.path[0] == _CONTAINERS and (len(patch.path) < 3 or patch.path[2] in ("Name", "PortMappings")):
            found = patch.position
    return found
