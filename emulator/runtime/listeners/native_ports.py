"""Ports of a program of this machine that runs in a main container's place: its own, and those that it reaches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from emulator.frontdoor.balancers import Balancer

if TYPE_CHECKING:
    from emulator.ecs.service import Service
    from emulator.ecs.task_definition import ContainerDefinition
    from emulator.runtime.listeners.published import PublishedListener
    from emulator.runtime.state.desired import DesiredState
    from emulator.settings_attended import Native


def main_definition(service: Service) -> ContainerDefinition:
    """The main container."""
    containers = service.task_definition.container_definitions
    return next(container for container in containers if container.name == service.main_container)


def tcp_ports(service: Service) -> list[int]:
    """The TCP ports of the main container, first the one that its target group or service discovery has."""
    main = main_definition(service)
    ports = [mapping.container_port or 0 for mapping in main.port_mappings if mapping.protocol != "udp"]
    first = [group.container_port for group in service.target_groups if group.container_name == main.name]
    return list(dict.fromkeys([*(port for port in first if port in ports), *ports]))


def label(native: Native) -> str:
    """What the containers of the task say of the program."""
    outlets = [[outlet.host, outlet.port, outlet.host_port] for outlet in native.outlets]
    return json.dumps({"ports": list(native.ports.values()), "outlets": outlets})


def read_label(text: str) -> tuple[list[int], dict[tuple[str, int], int]]:
    """The ports of the program, and by host and port in the task the published one."""
    found: dict[str, Any] = json.loads(text)
    return found["ports"], {(host, port): here for host, port, here in found["outlets"]}


def balancer_ports(listeners: Iterable[PublishedListener]) -> dict[tuple[str, int], int]:
    """By name and port of the environment's load balancers in a task, the published port."""
    found = (one for one in listeners if not one.service)
    return {(Balancer(one.load_balancer).dns_name, one.port): one.host_port for one in found}


def wanted_outlets(state: DesiredState, name: str) -> Iterator[tuple[str, int]]:
    """What the program of a service is to reach and only a task does, as host and port: its sidecars, databases, and
    other services by their names."""
    mine = state.services[name].service
    for container in mine.task_definition.container_definitions:
        if container.name != mine.main_container and container.firelens_configuration is None:
            for mapping in container.port_mappings:
                if mapping.protocol != "udp":
                    yield "127.0.0.1", mapping.container_port or 0
    for database in state.databases:
        yield database.identifier, database.port
    for other, desired in state.services.items():
        service = desired.service
        if other == name or not desired.desired_count:
            continue
        if service.discovery is not None and service.discovery.port is not None:
            for port in dict.fromkeys([service.discovery.port, *tcp_ports(service)]):
                yield f"{service.discovery.name}.{service.discovery.namespace}", port
        if mine.connect is not None and service.connect is not None and service.connect.dns_name:
            yield service.connect.dns_name, service.connect.port or 80
