"""`copilot/environments/<name>/manifest.yml`, for the fields that matter to workloads."""

import re
from typing import Annotated, Literal, Self

from emulator.manifest.schema.base import INT64, Block
from emulator.manifest.schema.notations.values import Network


class Ingress(Block):
    """Who may reach the public load balancer."""

    cdn: bool | None = None
    """Only CloudFront."""
    source_ips: list[Network] = []
    """CIDR blocks; empty: everybody."""


class PrivateIngress(Block):
    """Who may reach the internal load balancer besides the environment's services."""

    vpc: bool | None = None
    """Everything in the VPC."""


class OlderIngress(Block):
    """The older form of `ingress`."""

    restrict_to: Ingress | None = None
    """As `ingress` of the public load balancer."""
    from_vpc: bool | None = None
    """As `ingress.vpc` of the internal load balancer."""


class LoadBalancerSecurityGroups(Block):
    """The older place of `ingress`."""

    ingress: OlderIngress | None = None
    """Who may reach the load balancer."""


class AccessLogs(Block):
    """Where the public load balancer logs: `true` for a bucket that Copilot makes, or a map."""

    switch = True
    swallows = True

    bucket_name: str | None = None
    """An existing bucket."""
    prefix: str | None = None
    """What the names of the log files start with."""


class PublicHttp(Block):
    """The public load balancer."""

    certificates: list[str] = []
    """ARNs of imported certificates; where there is one, HTTPS is on and Copilot makes no DNS records."""
    access_logs: AccessLogs | None = None
    """Where the load balancer logs; nothing here uses it."""
    ingress: Ingress | None = None
    """Who may reach it."""
    security_groups: LoadBalancerSecurityGroups | None = None
    """Older form of `ingress`."""
    ssl_policy: str | None = None
    """The TLS policy of the HTTPS listener."""


class PrivateHttp(Block):
    """The internal load balancer."""

    certificates: list[str] = []
    """ARNs of imported certificates; where there is one, HTTPS is on."""
    subnets: list[str] = []
    """Subnets it is put into."""
    ingress: PrivateIngress | None = None
    """Who may reach it."""
    security_groups: LoadBalancerSecurityGroups | None = None
    """Older form of `ingress`."""
    ssl_policy: str | None = None
    """The TLS policy of the HTTPS listener."""


class EnvironmentHttp(Block):
    """The environment's load balancers."""

    public: PublicHttp = PublicHttp.model_construct()
    """The public one."""
    private: PrivateHttp = PrivateHttp.model_construct()
    """The internal one."""


class VpcSubnet(Block):
    """A subnet: the id of an existing one, or the block of one that Copilot makes."""

    id: str | None = None
    """`subnet-…`, in an imported VPC."""
    cidr: Network | None = None
    """The block of a subnet that is made."""
    az: str | None = None
    """The availability zone of a subnet that is made."""


class VpcSubnets(Block):
    """The subnets of the VPC."""

    public: list[VpcSubnet] = []
    """Those with a route to the internet."""
    private: list[VpcSubnet] = []
    """Those without."""


class PortRange(Block):
    """A port, or the first and the last one: `80`, `8000-8010`; `-1` for every type of ICMP."""

    parsed = True
    parsed_only = True

    first: int
    """0 to 65535, or -1."""
    last: int
    """0 to 65535, or -1."""

    @classmethod
    def parse(cls, text: str) -> Self:
        if text == "-1":
            return cls.model_construct(first=-1, last=-1)
        found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text, re.ASCII)
        if found is None:
            raise ValueError(f"{text!r} is neither a port nor a range of ports such as 8000-8010")
        first, last = int(found[1]), int(found[2] or found[1])
        if first > last or last > 65535:
            raise ValueError(f"{text!r} is no range of ports: from 0 to 65535, the lower one first")
        return cls.model_construct(first=first, last=last)


class SecurityRule(Block):
    """One rule of the environment's security group."""

    ip_protocol: str
    """`tcp`, `udp`, `icmp`, a number, or `-1` for all."""
    ports: PortRange
    """Which ports."""
    cidr: str
    """The addresses."""


class SecurityRules(Block):
    """Rules that the environment's security group has besides its own."""

    ingress: list[SecurityRule] = []
    """What is let in."""
    egress: list[SecurityRule] = []
    """What is let out."""


class FlowLogs(Block):
    """Logs of the VPC's traffic: `true`, or a map."""

    switch = True
    union = True

    retention: Annotated[int | None, INT64] = None
    """Days."""


class EnvironmentVpc(Block):
    """The VPC: an imported one, or how Copilot makes its own. Source: Copilot, `environmentVPCConfig`."""

    id: str | None = None
    """`vpc-…` of an existing one."""
    cidr: Network | None = None
    """The block of one that is made."""
    subnets: VpcSubnets | None = None
    """Its subnets."""
    security_group: SecurityRules | None = None
    """Rules of the environment's security group."""
    flow_logs: FlowLogs | None = None
    """Logs of its traffic."""


class EnvironmentNetwork(Block):
    """The environment's network; nothing here uses it."""

    vpc: EnvironmentVpc = EnvironmentVpc.model_construct()
    """The VPC."""


class StaticAssets(Block):
    """Files that CloudFront serves from a bucket."""

    location: str | None = None
    """The bucket's domain name, or the name of a Static Site."""
    alias: str | None = None
    """The domain name."""
    path: str | None = None
    """Requests that go there, such as `static/*`."""


class Cdn(Block):
    """CloudFront in front of the public load balancer: `true`, or a map."""

    switch = True
    swallows = True

    certificate: str | None = None
    """ARN of a certificate in us-east-1."""
    terminate_tls: bool | None = None
    """Whether TLS ends at CloudFront."""
    static_assets: StaticAssets | None = None
    """Files from a bucket."""


class EnvironmentObservability(Block):
    """Monitoring of the cluster; nothing here uses it."""

    container_insights: bool | None = None
    """Whether Container Insights is on."""


class EnvironmentManifest(Block):
    """An environment. Source: Copilot, `EnvironmentConfig` in internal/pkg/manifest/env.go."""

    name: str
    """The environment's name, which is the name of its folder."""
    type: Literal["Environment"]
    """Always `Environment`."""
    network: EnvironmentNetwork | None = None
    """The network."""
    cdn: Cdn | None = None
    """CloudFront."""
    http: EnvironmentHttp = EnvironmentHttp.model_construct()
    """The load balancers."""
    observability: EnvironmentObservability | None = None
    """Monitoring."""
