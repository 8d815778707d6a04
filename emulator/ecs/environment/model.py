"""What an environment's stack holds: network, cluster, load balancers, file system, zones.

The compiler makes it from the environment's manifest and from what the services need; renderers print it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.ecs.addons.model import Addons, TemplatePatch
from emulator.ecs.network import DnsAlias
from emulator.errors import Position


@dataclass(frozen=True, slots=True)
class ImportedVpc:
    """An existing VPC, by its id and those of its subnets."""

    id: str
    public: tuple[str, ...] = ()
    private: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ManagedVpc:
    """A VPC that the stack makes. There is one public and one private subnet for each zone; without `zones`, the first
    ones of the region. The defaults are Copilot's (`DefaultVPCCIDR` and the others in stack/env.go)."""

    cidr: str = "10.0.0.0/16"
    public: tuple[str, ...] = ("10.0.0.0/24", "10.0.1.0/24")
    private: tuple[str, ...] = ("10.0.2.0/24", "10.0.3.0/24")
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SecurityRule:
    """One rule of the environment's security group besides its own."""

    protocol: str
    first_port: int
    last_port: int
    cidr: str


@dataclass(frozen=True, slots=True)
class AccessLogs:
    """Where the public load balancer logs. Without `bucket` the stack makes one."""

    bucket: str | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class PublicBalancer:
    """The public load balancer. `only_cdn` and `source_ips` restrict its clients; without either everything does."""

    certificates: tuple[str, ...] = ()
    ssl_policy: str | None = None
    access_logs: AccessLogs | None = None
    only_cdn: bool = False
    source_ips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InternalBalancer:
    """The internal load balancer. `subnets`: in place of the private ones; `from_vpc`: the whole VPC reaches it."""

    certificates: tuple[str, ...] = ()
    ssl_policy: str | None = None
    subnets: tuple[str, ...] = ()
    from_vpc: bool = False


@dataclass(frozen=True, slots=True)
class StaticAssets:
    """Files that CloudFront serves from a bucket: its domain name, the domain name and the path of requests."""

    bucket: str
    alias: str
    path: str


@dataclass(frozen=True, slots=True)
class Cdn:
    """CloudFront in front of the public load balancer. `certificate` is of us-east-1."""

    certificate: str | None = None
    terminate_tls: bool = False
    static_assets: StaticAssets | None = None


@dataclass(frozen=True, slots=True)
class Needs:
    """What the services ask of the environment, each with the names of those that do; empty: none does.

    Copilot keeps the same lists in its environment stack's parameters `ALBWorkloads`, `InternalALBWorkloads`,
    `EFSWorkloads` and `NATWorkloads`.
    """

    public_balancer: tuple[str, ...] = ()
    internal_balancer: tuple[str, ...] = ()
    file_system: tuple[str, ...] = ()
    nat: tuple[str, ...] = ()
    aliases: tuple[DnsAlias, ...] = ()
    """Domain names of services behind the public load balancer."""


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment of one application."""

    app: str
    name: str
    vpc: ImportedVpc | ManagedVpc = field(default_factory=ManagedVpc)
    ingress: tuple[SecurityRule, ...] = ()
    egress: tuple[SecurityRule, ...] = ()
    flow_logs: int | None = None
    """Days that logs of the VPC's traffic are kept; None: there are none."""
    public: PublicBalancer = field(default_factory=PublicBalancer)
    internal: InternalBalancer = field(default_factory=InternalBalancer)
    cdn: Cdn | None = None
    container_insights: bool = False
    domain: str | None = None
    """The application's domain, below which the environment has its zone; None where certificates are imported."""
    namespace: str = ""
    """The private DNS namespace; empty: `<environment>.<app>.local`."""
    needs: Needs = field(default_factory=Needs)
    addons: Addons | None = None
    patches: tuple[TemplatePatch, ...] = ()
    """Changes to the finished template; all environments have the same."""
    source: str = ""
    """The manifest's text as it stands."""
    path: str = ""
    """The manifest's path, for messages."""
    positions: Mapping[str, Position] = field(default_factory=dict)
    """Manifest path (`network.vpc`) to where it stands."""

    @property
    def https(self) -> bool:
        """Whether the public load balancer has an HTTPS listener."""
        return bool(self.needs.public_balancer) and bool(self.public.certificates or self.domain)

    @property
    def internal_https(self) -> bool:
        """Whether the internal load balancer has an HTTPS listener: with certificates of its own only."""
        return bool(self.needs.internal_balancer) and bool(self.internal.certificates)

    @property
    def zone(self) -> str | None:
        """The name of the environment's hosted zone, None where there is none."""
        return f"{self.name}.{self.app}.{self.domain}" if self.domain else None

    @property
    def discovery_namespace(self) -> str:
        """The name of the private DNS namespace."""
        return self.namespace or f"{self.name}.{self.app}.local"
