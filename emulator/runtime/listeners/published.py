"""A listener as it answers on this machine."""

from __future__ import annotations

from dataclasses import dataclass

PUBLIC, INTERNAL, NETWORK = "public", "internal", "network"
"""What has listeners: the values of `frontdoor.Balancer`, and the load balancer of a service's own."""


@dataclass(frozen=True, slots=True)
class PublishedListener:
    """A listener as it answers on this machine. `service` is empty for the environment's own load balancers.

    `port` is that of the deployed listener: 80 and 443 for HTTP and HTTPS. `load_balancer` is `public`, `internal` or,
    for the service's own, `network`.
    """

    service: str
    port: int
    protocol: str
    host_port: int
    host_ip: str = "127.0.0.1"
    load_balancer: str = PUBLIC

    @property
    def is_internal(self) -> bool:
        """Whether it belongs to the internal load balancer."""
        return not self.service and self.load_balancer == INTERNAL

    @property
    def name(self) -> str:
        """How `copilot-local port` calls it."""
        if self.service:
            return f"{self.port}/{self.protocol.lower()}"
        return f"internal-{self.protocol.lower()}" if self.is_internal else self.protocol.lower()

    @property
    def url(self) -> str:
        """Where it answers. A certificate is for a name, so HTTPS and TLS have one."""
        host = "localhost" if self.protocol in ("HTTPS", "TLS") else self.host_ip
        return f"{self.protocol.lower()}://{host}:{self.host_port}"
