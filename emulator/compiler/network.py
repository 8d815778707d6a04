"""Subnets, security groups, names and load balancers of a service.

Source: Copilot, `convertNetworkConfig`, `convertServiceConnect` and the templates `service-base-properties.yml` and
`lb-web/service.yml`.
"""

from __future__ import annotations

from emulator.compiler.context import Context
from emulator.compiler.ports import CONNECT_PORT_NAME, Ports
from emulator.ecs.network import DnsAlias, LoadBalancer, Network, ServiceConnect, ServiceDiscovery
from emulator.ecs.references import AddonReference, ImportReference, Value
from emulator.manifest.schema.backend_service import BackendService
from emulator.manifest.schema.routing import Alias
from emulator.manifest.schema.worker_service import WorkerService
from emulator.model import make


def network(context: Context) -> Network:
    """Where the tasks are."""
    vpc = context.manifest.network.vpc
    groups: list[Value] = []
    denied = False
    if vpc.security_groups is not None:
        denied = bool(vpc.security_groups.deny_default)
        for number, group in enumerate(vpc.security_groups.groups):
            if group.from_cfn is not None:
                position = context.position(f"network.vpc.security_groups[{number}]")
                groups.append(make(ImportReference, name=group.from_cfn, position=position))
            elif group.id is not None:
                groups.append(group.id)
    groups += [make(AddonReference, name=name) for name in sorted(context.surroundings.addons.security_groups)]
    subnets = vpc.placement.subnets
    return make(
        Network,
        placement="private" if vpc.placement.access == "private" else "public",
        subnets=list(subnets.ids) if subnets else [],
        subnet_tags={tag: list(values) for tag, values in subnets.from_tags.items()} if subnets else {},
        security_groups=groups,
        environment_security_group=not denied,
    )


def discovery(context: Context, ports: Ports) -> ServiceDiscovery | None:
    """The service's name in the environment's private DNS. A worker takes no connections and has none."""
    if isinstance(context.manifest, WorkerService):
        return None
    target = ports.discovery_target()
    return make(
        ServiceDiscovery,
        name=context.manifest.name,
        namespace=context.discovery_endpoint,
        port=target.port if target else None,
    )


def connect(context: Context, ports: Ports) -> ServiceConnect | None:
    """Service Connect, if it is on; without a port that can be served the service is a client only."""
    manifest = context.manifest.network.connect
    if manifest is None:
        return None
    target = None if isinstance(context.manifest, WorkerService) else ports.connect_target()
    if target is None:
        return make(ServiceConnect, namespace=context.discovery_endpoint)
    name = context.manifest.name
    context.position("network.connect.alias")
    return make(
        ServiceConnect,
        namespace=context.discovery_endpoint,
        port_name=CONNECT_PORT_NAME,
        port=target.port,
        discovery_name=f"{name}-sc",
        dns_name=manifest.alias or name,
    )


def load_balancer(context: Context, ports: Ports) -> LoadBalancer | None:
    """The application load balancer, with the aliases of all rules."""
    http = ports.http
    if http is None:
        return None
    internal = isinstance(context.manifest, BackendService)
    context.position("http.alb")
    return make(
        LoadBalancer,
        scheme="internal" if internal else "internet-facing",
        # Copilot reads the key for a Backend Service and does nothing with it.
        imported=(None if internal else http.alb) or context.surroundings.load_balancer,
        domain=None if internal else context.surroundings.domain,
        certificates=list(context.surroundings.certificates),
        aliases=[
            alias
            for path, rule in (ports.rules() if context.surroundings.https else ())
            for alias in _aliases(context, f"{path}.alias", rule.alias, rule.hosted_zone)
        ],
    )


def network_load_balancer(context: Context, ports: Ports) -> LoadBalancer | None:
    """The network load balancer, which is the service's own."""
    if ports.nlb is None:
        return None
    domain = context.surroundings.domain
    return make(
        LoadBalancer, type="network", domain=domain, aliases=_aliases(context, "nlb.alias", ports.nlb.alias, None)
    )


def _aliases(context: Context, path: str, aliases: list[Alias], hosted_zone: str | None) -> list[DnsAlias]:
    position = context.position(path)
    return [
        make(DnsAlias, name=alias.name, hosted_zone=alias.hosted_zone or hosted_zone, position=position)
        for alias in aliases
    ]
