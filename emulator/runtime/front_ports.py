"""Which ports of this machine the listeners of an environment are published on, and how that is read back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import asdict, replace

from emulator.ecs.service import Service
from emulator.engine.interface import PublishedPort
from emulator.errors import EngineError, InputError
from emulator.frontdoor.options import FrontOptions, Https
from emulator.runtime import names
from emulator.runtime.desired import DesiredService, DesiredState, NetworkPort
from emulator.runtime.host_port import DEFAULT_PORT, choose_port
from emulator.runtime.observed import Observed
from emulator.settings import FrontSettings

BIND_PORT = 8080
HTTPS_BIND_PORT = 8443
NETWORK_BIND_PORT = 20000
"""The first port inside the front's container for listeners of network load balancers."""
DEFAULT_HTTPS_PORT = 8443
PRIVILEGED = 1024
OUT_OF_THE_WAY = 10_000
"""Added to a privileged port of a network listener: 443 is looked for from 10443 on."""


class PublishedListener(Struct, frozen=True):
    """A listener as it answers on this machine. `service` is empty for the environment's load balancer.

    `port` is that of the deployed listener: 80 and 443 for HTTP and HTTPS.
    """

    service: str
    port: int
    protocol: str
    host_port: int
    host_ip: str = "127.0.0.1"

    @property
    def name(self) -> str:
        """How `copilot-local port` calls it."""
        return self.protocol.lower() if not self.service else f"{self.port}/{self.protocol.lower()}"

    @property
    def url(self) -> str:
        """Where it answers. A certificate is for a name, so HTTPS and TLS have one."""
        host = "localhost" if self.protocol in ("HTTPS", "TLS") else self.host_ip
        return f"{self.protocol.lower()}://{host}:{self.host_port}"


def routes(state: DesiredState, listener: str | None = None) -> bool:
    """Whether the application load balancer has a rule, on that listener or on any."""
    return any(
        listener is None or rule.listener == listener
        for desired in state.services.values()
        for rule in desired.service.listener_rules
    )


def bind_ports(state: DesiredState) -> dict[tuple[str, int], int]:
    """The port inside the front's container for each listener of a network load balancer."""
    return {
        (port.service, port.port): NETWORK_BIND_PORT + index
        for index, port in enumerate(sorted(state.network_ports, key=lambda port: (port.service, port.port)))
    }


def front_ports(state: DesiredState) -> tuple[PublishedPort, ...]:
    """What the front's container publishes."""
    ports = []
    if routes(state):
        ports.append(PublishedPort(BIND_PORT, state.front_port))
    if state.https_port:
        ports.append(PublishedPort(HTTPS_BIND_PORT, state.https_port))
    inside = bind_ports(state)
    return (*ports, *(PublishedPort(inside[port.service, port.port], port.host_port) for port in state.network_ports))


def listeners_of(state: DesiredState) -> list[PublishedListener]:
    """The listeners that answer here, those of the environment's load balancer first."""
    found = []
    if routes(state):
        found.append(PublishedListener("", 80, "HTTP", state.front_port))
    if state.https_port:
        found.append(PublishedListener("", 443, "HTTPS", state.https_port))
    found += [PublishedListener(p.service, p.port, p.protocol, p.host_port) for p in state.network_ports]
    for desired in state.services.values():
        found += task_listeners(desired)
    return found


def task_listeners(desired: DesiredService) -> list[PublishedListener]:
    """The listeners that a task of the service publishes itself: those for UDP."""
    found = []
    for listener in desired.service.network_listeners:
        inside = desired.service.target_group(listener.target_group).container_port
        if listener.protocol == "UDP" and (host_port := desired.options.udp_ports.get(inside)):
            found.append(PublishedListener(desired.service.name, listener.port, "UDP", host_port))
    return found


def expected_options(services: Sequence[Service], settings: FrontSettings) -> FrontOptions:
    """What the front would be run with, where nothing runs: its ports as far as settings and defaults say them."""
    secure = any(rule.listener == "HTTPS" for service in services for rule in service.listener_rules)
    https = Https({}, settings.https_port or DEFAULT_HTTPS_PORT) if secure else None
    return FrontOptions(listener_port=settings.port or DEFAULT_PORT, https=https)


def to_label(listeners: Sequence[PublishedListener]) -> str:
    """What the front's label holds: the listing alone says where everything answers."""
    return json.dumps([asdict(listener) for listener in listeners], separators=(",", ":"))


def published(observed: Observed) -> list[PublishedListener]:
    """The listeners that answer, from the listing alone."""
    pauses = [task.pause for task in observed.tasks.values()]
    found: list[PublishedListener] = []
    for container in (observed.front, *pauses):
        if container is not None:
            try:
                found += [PublishedListener(**row) for row in json.loads(container.labels.get(names.LISTENERS, "[]"))]
            except (ValueError, TypeError) as error:
                raise EngineError(f"label {names.LISTENERS} of {container.name} cannot be read: {error}") from None
    return found


class AskedPorts(Struct, frozen=True):
    """Ports that somebody asked for: None means any. `network` is by listener, as `5000` or `SERVICE:5000`."""

    http: int | None = None
    https: int | None = None
    network: Mapping[str, int] | None = None

    def of(self, service: str, port: int) -> int | None:
        """The host port asked for a listener of a network load balancer."""
        wanted = self.network or {}
        return wanted.get(f"{service}:{port}", wanted.get(str(port)))

    def values(self) -> set[int]:
        return {port for port in (self.http, self.https, *(self.network or {}).values()) if port}


def with_ports(state: DesiredState, asked: AskedPorts, observed: Observed, taken: frozenset[int]) -> DesiredState:
    """The state with a host port for each of its listeners: asked for, as it was, or else one that is free.

    `taken` are ports that turned out to be taken although they looked free. Raises `PortInUse` for an asked-for port
    that another program has, InputError where one port is asked for twice.
    """
    present = published(observed)
    chosen: set[int] = set()

    def choose(want: int | None, service: str, port: int, protocol: str, first: int, option: str) -> int:
        now = next((p for p in present if (p.service, p.port, p.protocol) == (service, port, protocol)), None)
        if want in chosen:
            raise InputError(f"port {want} of this machine is asked for twice", hint="give each listener its own")
        current = now.host_port if now is not None and now.host_port not in chosen else None
        found = choose_port(want, current, taken | chosen, first, option, udp=protocol == "UDP")
        chosen.add(found)
        return found

    http = choose(asked.http, "", 80, "HTTP", BIND_PORT, "--port")
    https = 0
    if routes(state, "HTTPS"):
        https = choose(asked.https, "", 443, "HTTPS", DEFAULT_HTTPS_PORT, "--https-port")
    network: list[NetworkPort] = []
    services = dict(state.services)
    for name, desired in state.services.items():
        udp: dict[int, int] = {}
        for listener in desired.service.network_listeners:
            first = listener.port + (OUT_OF_THE_WAY if listener.port < PRIVILEGED else 0)
            inside = desired.service.target_group(listener.target_group).container_port
            option = f"network_ports of [front], {name}:{listener.port}"
            host = choose(asked.of(name, listener.port), name, listener.port, listener.protocol, first, option)
            if listener.protocol == "UDP":
                udp[inside] = host
            else:
                port = NetworkPort(service=name, port=listener.port, protocol=listener.protocol, host_port=host)
                network.append(port)
        if udp:
            options = replace(desired.options, udp_ports=udp)
            services[name] = replace(desired, options=options)
    update = {"front_port": http, "https_port": https, "network_ports": network, "services": services}
    return replace(state, **update)


def balanced(service: Service) -> Iterator[str]:
    """The target groups whose targets the front has: all but those of UDP listeners."""
    return (group.name for group in service.target_groups if group.protocol != "UDP")
