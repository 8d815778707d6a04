"""What a listing shows of a service beside its containers: where it answers, its ports, its images, its targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from emulator.ecs.service import Build
from emulator.ecs.task_definition import ContainerDefinition
from emulator.runtime.reports.service_url import service_urls
from emulator.runtime.state.desired import DesiredState


class ServiceDetails(TypedDict):
    """Of one service. `url` is empty where no rule of a load balancer leads to it."""

    url: str
    ports: dict[str, list[str]]
    """Container to the ports that its definition maps: `80/tcp`."""
    target_containers: dict[str, str]
    """Target group to the container that its targets are."""
    images: dict[str, str]
    """Container to what a person knows its image by."""


def service_details(state: DesiredState) -> dict[str, ServiceDetails]:
    """The details of every service, by its name."""
    urls = service_urls(state)
    return {
        name: ServiceDetails(
            url=urls.get(name, ""),
            ports={
                container.name: _ports(container) for container in desired.service.task_definition.container_definitions
            },
            target_containers={group.name: group.container_name for group in desired.service.target_groups},
            images={
                container.name: _image(container, desired.service.builds)
                for container in desired.service.task_definition.container_definitions
            },
        )
        for name, desired in state.services.items()
    }


def _image(container: ContainerDefinition, builds: Mapping[str, Build]) -> str:
    """What it is built from, else its reference; empty where that is known in AWS alone."""
    if container.name in builds:
        return f"built from {builds[container.name].dockerfile}"
    return container.image if isinstance(container.image, str) else ""


def _ports(container: ContainerDefinition) -> list[str]:
    mappings = container.port_mappings
    return [f"{mapping.container_port or mapping.container_port_range}/{mapping.protocol}" for mapping in mappings]
