"""Where tasks are in the network, by which names they are found, and the kernel's parameters of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from emulator.ecs.references import Value
from emulator.errors import Position
from emulator.model import Model

if TYPE_CHECKING:
    from emulator.ecs.task_definition import TaskDefinition

INTERFACES = ("all", "default", "lo", "eth0")
"""What parameters of an interface may name here. A task on Fargate has eth1 too."""
_OF_INTERFACE = re.compile(r"net\.ipv[46]\.(?:conf|neigh)\.(.+)\.[^.]+")


class Network(Model):
    """Subnets and security groups of the tasks."""

    placement: Literal["public", "private"] = "public"
    """Which of the environment's subnets; only tasks in public ones have a public address."""
    subnets: list[str] = []
    """Particular subnets, instead of the environment's."""
    subnet_tags: dict[str, list[str]] = {}
    """Tags that the subnets have, each with the values that fit; instead of the environment's."""
    security_groups: list[Value] = []
    """Groups on top of the environment's."""
    environment_security_group: bool = True
    """Whether the environment's own group applies."""

    @property
    def assign_public_ip(self) -> bool:
        """Whether tasks have a public address."""
        return self.placement == "public" and not self.subnets and not self.subnet_tags


class ServiceDiscovery(Model):
    """The service's name in the environment's private DNS: `<name>.<namespace>`."""

    name: str
    namespace: str
    port: int | None = None
    """The port of its SRV records; None: the service has none and is not registered."""


class ServiceConnect(Model):
    """Service Connect. Without `port_name` the service is a client only."""

    namespace: str
    port_name: str | None = None
    """The name of the port mapping that is served."""
    port: int | None = None
    discovery_name: str | None = None
    dns_name: str | None = None
    """The name that clients use."""


class DnsAlias(Model):
    """A domain name of the service. Without a hosted zone, the environment knows where its record goes."""

    name: str
    hosted_zone: str | None = None
    position: Position | None = None


class LoadBalancer(Model):
    """A load balancer that the service is behind."""

    type: Literal["application", "network"] = "application"
    scheme: Literal["internet-facing", "internal"] = "internet-facing"
    imported: str | None = None
    """ARN or name of an existing one; None: the environment's own."""
    domain: str | None = None
    """The application's domain, below which the service has its names."""
    certificates: list[str] = []
    """ARNs of the certificates of its HTTPS listener, the default one first."""
    aliases: list[DnsAlias] = []


def interface_not_here(namespace: str) -> str:
    """The interface that a parameter is of and that a task here does not have; empty for all other parameters."""
    found = _OF_INTERFACE.fullmatch(namespace)
    return found[1] if found and found[1] not in INTERFACES else ""


def network_parameters(definition: TaskDefinition) -> dict[str, str]:
    """Those of the network, which the containers share, without what an interface has that is not here: of two of one
    name the last one counts."""
    return {
        control.namespace: control.value
        for container in definition.container_definitions
        for control in container.system_controls
        if control.namespace.startswith("net.") and not interface_not_here(control.namespace)
    }
