"""What a proxy of Service Connect leads to: the endpoints of an environment, and the port that a task serves.

Source: Amazon ECS API, `ServiceConnectService`, `ServiceConnectClientAlias`, `TimeoutConfiguration`, `PortMapping`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from emulator.service_connect.patched import timeouts_of
from emulator.service_connect.ports import NETWORK_PREFIX

if TYPE_CHECKING:
    from emulator.ecs.service import Service

Protocol = Literal["tcp", "http", "http2", "grpc"]
"""`appProtocol` of the port mapping; `tcp` where it has none, as Copilot deploys it."""

REQUEST_TIMEOUT = 15
IDLE_TIMEOUT = 300
TCP_IDLE_TIMEOUT = 3600
"""ECS's defaults of `perRequestTimeoutSeconds` and `idleTimeoutSeconds`, in seconds; 0 is off."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A name that clients use, and how a proxy balances what goes there."""

    name: str
    """The client alias: a DNS name."""
    number: int
    """Which of the virtual addresses it has: the same one in all tasks."""
    port: int
    """Where clients find it."""
    protocol: Protocol
    idle_timeout: int
    """Seconds; 0: none."""
    request_timeout: int
    """Seconds; 0: none, as always for TCP."""

    @property
    def address(self) -> str:
        """Its virtual address."""
        return f"{NETWORK_PREFIX}{self.number // 256}.{self.number % 256}"


@dataclass(frozen=True, slots=True)
class Served:
    """The port of a container that a task serves: what comes in for it goes through the proxy of the task."""

    port: int
    protocol: Protocol


def served(service: Service) -> Served | None:
    """What the tasks of a service serve; None for a client."""
    connect = service.connect
    if connect is None or connect.port is None or connect.dns_name is None:
        return None
    return Served(connect.port, protocol_of(service))


def endpoint(service: Service, number: int) -> Endpoint | None:
    """The name that clients find a service by, at the virtual address of that number; None for a client."""
    connect, there = service.connect, served(service)
    if connect is None or there is None:
        return None
    tcp, timeouts = there.protocol == "tcp", timeouts_of(service)  # which no manifest can set
    return Endpoint(
        name=(connect.dns_name or "").lower(),
        number=number,
        port=there.port,
        protocol=there.protocol,
        idle_timeout=_seconds(timeouts, "IdleTimeoutSeconds", TCP_IDLE_TIMEOUT if tcp else IDLE_TIMEOUT),
        request_timeout=0 if tcp else _seconds(timeouts, "PerRequestTimeoutSeconds", REQUEST_TIMEOUT),
    )


def protocol_of(service: Service) -> Protocol:
    """The protocol of the port that a service serves: `appProtocol` of the port mapping of that name."""
    name = service.connect.port_name if service.connect is not None else None
    for container in service.task_definition.container_definitions:
        for mapping in container.port_mappings:
            if name is not None and mapping.name == name:
                return mapping.app_protocol or "tcp"
    return "tcp"


def virtual_numbers(given: Mapping[str, int], wanted: Iterable[str]) -> dict[str, int]:
    """Numbers of virtual addresses by name: what is given stays, names that are new get the next ones."""
    found = dict(given)
    for name in sorted(set(wanted) - found.keys()):
        found[name] = max(found.values(), default=0) + 1
    return found


def _seconds(timeouts: Mapping[str, object], key: str, default: int) -> int:
    value = timeouts.get(key)
    return int(value) if isinstance(value, (int, str)) and str(value).isdecimal() else default
