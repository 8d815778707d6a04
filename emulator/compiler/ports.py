"""Which ports the containers expose, and which container and port traffic goes to.

Source: Copilot, `ExposedPorts` and `Target` in internal/pkg/manifest (lb_web_svc.go, backend_svc.go, http.go).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from emulator.compiler.context import Context
from emulator.ecs.task_definition import PortMapping
from emulator.errors import InputError
from emulator.manifest.schema.backend_service import BackendService
from emulator.manifest.schema.load_balanced_web_service import LoadBalancedWebService
from emulator.manifest.schema.routing import Http, Nlb, NlbListener, RoutingRule
from emulator.manifest.schema.workload import ListeningService
from emulator.model import make

Protocol = Literal["tcp", "udp"]
CONNECT_PORT_NAME = "target"
"""The name of the port mapping that Service Connect serves; Copilot gives it with or without Service Connect."""


@dataclass(frozen=True, slots=True)
class Target:
    """A container's port that traffic goes to."""

    container: str
    port: int


@dataclass(frozen=True, slots=True)
class ExposedPort:
    """Who has a port of the task."""

    container: str
    protocol: Protocol


class Ports:
    """The ports of a task. All containers share one network, so a port number belongs to one container."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._main = context.manifest.name
        self._exposed: dict[int, ExposedPort] = {}
        for name, sidecar in sorted(context.manifest.sidecars.items()):
            if sidecar.port is not None:
                self._expose(name, sidecar.port.number, "udp" if sidecar.port.protocol == "udp" else "tcp")
        for _, rule in self.rules():
            if rule.target_port is not None:
                self._expose(rule.target_container, rule.target_port, "tcp")
        for _, listener in self.listeners():
            protocol: Protocol = "udp" if listener.port.protocol == "udp" else "tcp"
            self._expose(listener.target_container, listener.target_port or listener.port.number, protocol)
        if self.main_port is not None:
            self._expose(self._main, self.main_port, "tcp")

    @property
    def main_port(self) -> int | None:
        """`image.port`; workers and jobs have none."""
        manifest = self._context.manifest
        return manifest.image.port if isinstance(manifest, ListeningService) else None

    @property
    def http(self) -> Http | None:
        manifest = self._context.manifest
        return manifest.http if isinstance(manifest, LoadBalancedWebService | BackendService) else None

    @property
    def nlb(self) -> Nlb | None:
        manifest = self._context.manifest
        return manifest.nlb if isinstance(manifest, LoadBalancedWebService) else None

    def rules(self) -> Iterator[tuple[str, RoutingRule]]:
        """The routing rules with their manifest paths, the main one first."""
        if self.http is not None:
            yield "http", self.http
            for number, rule in enumerate(self.http.additional_rules):
                yield f"http.additional_rules[{number}]", rule

    def listeners(self) -> Iterator[tuple[str, NlbListener]]:
        """The network load balancer's listeners with their manifest paths, the main one first."""
        if self.nlb is not None:
            yield "nlb", self.nlb
            for number, listener in enumerate(self.nlb.additional_listeners):
                yield f"nlb.additional_listeners[{number}]", listener

    def mappings(self, container: str) -> list[PortMapping]:
        """The port mappings of a container, by port."""
        served = self.connect_target()
        return [
            make(
                PortMapping,
                container_port=port,
                protocol=exposed.protocol,
                name=CONNECT_PORT_NAME if served and exposed.protocol == "tcp" and port == served.port else None,
            )
            for port, exposed in sorted(self._exposed.items())
            if exposed.container == container
        ]

    def rule_target(self, path: str, rule: RoutingRule) -> Target:
        """Where a routing rule sends its requests. Raises InputError where the target has no port."""
        if rule.target_port is not None:
            exposed = self._exposed[rule.target_port]
            return Target(rule.target_container or exposed.container, rule.target_port)
        container = rule.target_container or self._main
        return Target(container, self._own_port(path, container))

    def listener_target(self, path: str, listener: NlbListener) -> Target:
        """Where a listener of the network load balancer sends its connections."""
        number = listener.target_port or listener.port.number
        if listener.target_container is None:
            return Target(self._exposed[number].container, number)
        if listener.target_port is None and listener.target_container != self._main:
            return Target(listener.target_container, self._own_port(path, listener.target_container))
        return Target(listener.target_container, number)

    def discovery_target(self) -> Target | None:
        """The port that service discovery names: the main rule's explicit target, else `image.port`."""
        if self.http is not None and (self.http.target_container or self.http.target_port):
            return self.rule_target("http", self.http)
        return None if self.main_port is None else Target(self._main, self.main_port)

    def connect_target(self) -> Target | None:
        """The port that Service Connect serves: as for discovery, but it speaks TCP only."""
        target = self.discovery_target()
        return target if target is not None and self._exposed[target.port].protocol == "tcp" else None

    def _expose(self, container: str | None, port: int, protocol: Protocol) -> None:
        """Exposes a port of a container (None: of the main one), unless some container exposes it already. That two
        containers do not claim one port is checked where manifests are."""
        self._exposed.setdefault(port, ExposedPort(container or self._main, protocol))

    def _own_port(self, path: str, container: str) -> int:
        if container == self._main and self.main_port is not None:
            return self.main_port
        sidecar = self._context.manifest.sidecars.get(container)
        if sidecar is not None and sidecar.port is not None:
            return sidecar.port.number
        where = "image" if container == self._main else f"sidecars.{container}"
        explicit = self._context.find_position(f"{path}.target_container")
        raise InputError(
            f'{path}: target container "{container}" does not expose a port',
            position=explicit or self._context.position(path),
            hint=f"add `port:` under `{where}` with the port it listens on",
        )
