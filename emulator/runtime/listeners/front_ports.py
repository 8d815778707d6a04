"""Which ports of this machine the listeners of an environment are published on, and how that is read back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from emulator.engine.interface import Container, ContainerState, PublishedPort
from emulator.errors import EngineError
from emulator.frontdoor.balancers import Balancer, balancer_of, behind
from emulator.frontdoor.options import FrontOptions, Https
from emulator.runtime.listeners.free_port import DEFAULT_PORT
from emulator.runtime.listeners.published import NETWORK, PublishedListener
from emulator.runtime.state import names
from emulator.runtime.state.observed import Observed

if TYPE_CHECKING:
    from emulator.ecs.service import Service
    from emulator.runtime.state.desired import DesiredState, NetworkPort
    from emulator.settings import FrontSettings

BIND_PORT = 8080
HTTPS_BIND_PORT = 8443
UDP = "UDP"
NETWORK_BIND_PORT = 20000
"""The first port inside the front's container for listeners of network load balancers."""
DEFAULT_HTTPS_PORT = 8443
DEFAULT_INTERNAL_PORT = 8081
DEFAULT_INTERNAL_HTTPS_PORT = 8444


def routes(state: DesiredState, balancer: Balancer, listener: str | None = None) -> bool:
    """Whether that load balancer has a rule, on that listener or on any."""
    return any(
        listener is None or rule.listener == listener
        for desired in state.services.values()
        if balancer_of(desired.service) is balancer
        for rule in desired.service.listener_rules
    )


def host_ports(state: DesiredState, balancer: Balancer) -> tuple[int, int]:
    """Where its HTTP and its HTTPS listener are published; 0: there is none."""
    if balancer is Balancer.INTERNAL:
        return state.internal_port, state.internal_https_port
    return state.front_port, state.https_port


def bind_ports(state: DesiredState) -> dict[tuple[str, int], int]:
    """The port inside the front's container for each listener of a network load balancer, but those for UDP."""
    return _bind_ports([port for port in state.network_ports if port.protocol != UDP])


def udp_bind_ports(state: DesiredState) -> dict[tuple[str, int], int]:
    """The port inside the relay's container for each listener for UDP."""
    return _bind_ports([port for port in state.network_ports if port.protocol == UDP])


def _bind_ports(ports: Sequence[NetworkPort]) -> dict[tuple[str, int], int]:
    ordered = sorted((port.service, port.port) for port in ports)
    return {key: NETWORK_BIND_PORT + index for index, key in enumerate(ordered)}


def front_ports(state: DesiredState, balancer: Balancer) -> tuple[PublishedPort, ...]:
    """What the container of a load balancer publishes. Network load balancers are played by the public one."""
    inside = {("", 80): BIND_PORT, ("", 443): HTTPS_BIND_PORT, **bind_ports(state)}
    listeners = front_listeners(state, balancer)
    return tuple(PublishedPort(inside[one.service, one.port], one.host_port) for one in listeners)


def listeners_of(state: DesiredState) -> list[PublishedListener]:
    """The listeners that answer here, those of the environment's load balancers first."""
    public, internal = (front_listeners(state, balancer) for balancer in Balancer)
    own = [listener for listener in public if listener.service]
    return [*(listener for listener in public if not listener.service), *internal, *own, *udp_listeners(state)]


def udp_listeners(state: DesiredState) -> list[PublishedListener]:
    """The listeners of the relay for datagrams."""
    return [one for one in _network_listeners(state) if one.protocol == UDP]


def front_listeners(state: DesiredState, balancer: Balancer) -> list[PublishedListener]:
    """The listeners in the container of a load balancer."""
    found = []
    http, https = host_ports(state, balancer)
    if routes(state, balancer):
        found.append(PublishedListener("", 80, "HTTP", http, load_balancer=balancer.value))
    if https:
        found.append(PublishedListener("", 443, "HTTPS", https, load_balancer=balancer.value))
    if balancer is Balancer.PUBLIC:
        found += [one for one in _network_listeners(state) if one.protocol != UDP]
    return found


def _network_listeners(state: DesiredState) -> list[PublishedListener]:
    ports = state.network_ports
    return [PublishedListener(p.service, p.port, p.protocol, p.host_port, load_balancer=NETWORK) for p in ports]


def expected_options(services: Sequence[Service], settings: FrontSettings) -> dict[Balancer, FrontOptions]:
    """What each load balancer would be run with, where nothing runs: its ports as far as settings and defaults say
    them."""
    ports = {
        Balancer.PUBLIC: (settings.port or DEFAULT_PORT, settings.https_port or DEFAULT_HTTPS_PORT),
        Balancer.INTERNAL: (
            settings.internal_port or DEFAULT_INTERNAL_PORT,
            settings.internal_https_port or DEFAULT_INTERNAL_HTTPS_PORT,
        ),
    }
    found = {}
    for balancer, (http, https) in ports.items():
        secure = any(rule.listener == "HTTPS" for one in behind(services, balancer) for rule in one.listener_rules)
        found[balancer] = FrontOptions(
            balancer=balancer, listener_port=http, https=Https({}, https) if secure else None, inside=True
        )
    return found


def to_label(listeners: Sequence[PublishedListener]) -> str:
    """What the front's label holds: the listing alone says where everything answers."""
    return json.dumps([asdict(listener) for listener in listeners], separators=(",", ":"))


def published(observed: Observed, *, running: bool = False) -> list[PublishedListener]:
    """The listeners that answer, from the listing alone; with `running` only those of load balancers that run."""
    found: list[PublishedListener] = []
    for container in (*observed.fronts, observed.udp_relay):
        if container is not None and (not running or container.state is ContainerState.RUNNING):
            found += listeners_on(container)
    return found


def listeners_on(container: Container) -> list[PublishedListener]:
    """The listeners that a container has, as its label says. Raises EngineError where that cannot be read."""
    try:
        return [PublishedListener(**row) for row in json.loads(container.labels.get(names.LISTENERS, "[]"))]
    except (ValueError, TypeError) as error:
        raise EngineError(f"label {names.LISTENERS} of {container.name} cannot be read: {error}") from None


def balanced(service: Service) -> Iterator[str]:
    """The target groups of a service, whose targets a load balancer has."""
    return (group.name for group in service.target_groups)
