"""The network load balancer of a service, which is its own. Source: Copilot, partial `nlb.yml`."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.ecs.service import NetworkListener, Service, TargetGroup
from emulator.render.cloudformation.foundations.foundation import Foundation
from emulator.render.cloudformation.intrinsics import Fn, GetAtt, Ref, is_set
from emulator.render.cloudformation.load_balancing import (
    health_check_timing,
    network_target_group_id,
    target_group_attributes,
)
from emulator.render.cloudformation.template import Properties, Template

EVERYBODY = "0.0.0.0/0"
ALIAS_RECORDS = "NLBAliasRecords"
"""In Copilot's environment: whether the stack makes the records of aliases in the environment's zone."""
ALIAS_ZONE = "NLBHostedZoneId"
"""The zone of aliases elsewhere; in Copilot's environment empty, unless the stack is to make their records."""


@dataclass(frozen=True, slots=True)
class _Names:
    """The logical ids of the load balancer and its security group. In Copilot's environment they are Copilot's, or an
    update would replace the load balancer."""

    load_balancer: str = "PublicNetworkLoadBalancer"
    security_group: str = "NLBSecurityGroup"


_COPILOTS = _Names("PublicNetworkLoadBalancerV2", "NetworkLoadBalancerSecurityGroup")


def add_network_load_balancer(template: Template, service: Service, foundation: Foundation) -> list[str]:
    """Adds load balancer, listeners and target groups; returns the listeners' logical ids, which the service waits
    for."""
    if service.network_load_balancer is None:
        return []
    names = _COPILOTS if foundation.options.in_copilot_environment else _Names()
    _security_group(template, service, foundation, names)
    template.resource(
        names.load_balancer,
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        {
            "Type": "network",
            "Scheme": "internet-facing",
            "Subnets": foundation.load_balancer_subnets(),
            "SecurityGroups": [GetAtt(names.security_group, "GroupId")],
        },
        comment="The network load balancer, of this service alone",
        position=service.positions.get("nlb"),
    )
    listeners = []
    for number, listener in enumerate(service.network_listeners):
        _target_group(template, service, foundation, service.target_group(listener.target_group))
        listeners.append(f"NLBListener{number or ''}")
        _listener(template, listener, listeners[-1], foundation, names)
    foundation.admit_network(GetAtt(names.security_group, "GroupId"), _ports(service))
    _records(template, service, foundation, names)
    name = "PublicNetworkLoadBalancerDNSName" if names is _COPILOTS else "NetworkLoadBalancerDNSName"
    template.output(
        name,
        GetAtt(names.load_balancer, "DNSName"),
        "DNS name of the network load balancer.",
        export=foundation.export_name(name),
    )
    return listeners


def _security_group(template: Template, service: Service, foundation: Foundation, names: _Names) -> None:
    copilots = names is _COPILOTS
    description = f"Network load balancer of {service.name}"
    tags: list[Properties] | None = None
    if copilots:  # a security group with another description is another one
        description = "Allow traffic to the public facing load balancer on listener ports"
        tags = [{"Key": "Name", "Value": f"copilot-{service.app}-{service.environment}-{service.name}-nlb"}]
    template.resource(
        names.security_group,
        "AWS::EC2::SecurityGroup",
        {
            "GroupDescription": description,
            "VpcId": foundation.vpc(),
            "SecurityGroupIngress": [_ingress(listener, copilots) for listener in service.network_listeners],
            "Tags": tags,
        },
    )


def _transport(protocol: str) -> str:
    return "udp" if protocol == "UDP" else "tcp"


def _ingress(listener: NetworkListener, copilots: bool) -> Properties:
    protocol = _transport(listener.protocol)
    described = f"Clients on port {listener.port}"
    if copilots:
        protocol = protocol.upper()
        described = f"Allow {protocol} traffic from anyone on listener port {listener.port}"
    return {
        "CidrIp": EVERYBODY,
        "Description": described,
        "IpProtocol": protocol,
        "FromPort": listener.port,
        "ToPort": listener.port,
    }


def _ports(service: Service) -> list[tuple[str, int]]:
    """The tasks' ports, those of health checks included, each once."""
    found: list[tuple[str, int]] = []
    for listener in service.network_listeners:
        group = service.target_group(listener.target_group)
        for port in (
            (_transport(group.protocol), group.container_port),
            ("tcp", group.health_check.port or group.container_port),
        ):
            if port not in found:
                found.append(port)
    return found


def _target_group(template: Template, service: Service, foundation: Foundation, group: TargetGroup) -> None:
    check = group.health_check
    tls = any(it.target_group == group.name and it.protocol == "TLS" for it in service.network_listeners)
    template.resource(
        network_target_group_id(group.name, foundation),
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {
            "VpcId": foundation.vpc(),
            "TargetType": "ip",
            "Port": group.container_port,
            "Protocol": group.protocol,
            "HealthCheckPort": None if check.port is None else str(check.port),
            **health_check_timing(check),
            # TLS listeners know no stickiness.
            "TargetGroupAttributes": target_group_attributes(
                group, stickiness=True if group.stickiness and not tls else None
            ),
        },
        comment=f"Port {group.container_port} of container {group.container_name}",
    )


def _listener(template: Template, listener: NetworkListener, name: str, foundation: Foundation, names: _Names) -> None:
    group = Ref(network_target_group_id(listener.target_group, foundation))
    properties: Properties = {
        "LoadBalancerArn": Ref(names.load_balancer),
        "Port": listener.port,
        "Protocol": listener.protocol,
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}],
    }
    if listener.protocol == "TLS":
        certificate = template.parameter(
            "NLBCertificateArn", "ARN of the certificate of the network load balancer's TLS listeners."
        )
        properties |= {"Certificates": [{"CertificateArn": certificate}], "SslPolicy": listener.ssl_policy}
    template.resource(
        name, "AWS::ElasticLoadBalancingV2::Listener", properties, position=listener.position, comment="Connections"
    )


def _records(template: Template, service: Service, foundation: Foundation, names: _Names) -> None:
    """The default name, `<service>-nlb.…`, or the aliases in its place."""
    balancer = service.network_load_balancer
    if balancer is None or not balancer.domain:
        return
    default = f"{service.name}-nlb.{service.environment}.{service.app}.{balancer.domain}"
    inside, outside = aliases_of(service)
    if names is _COPILOTS:
        if not balancer.aliases:
            _record_set(template, "NLBDNSAlias", foundation.hosted_zone(), [f"{default}."], names)
        _records_where_they_are_missing(template, foundation, inside, outside)
        return
    if inside or not balancer.aliases:
        _record_set(template, "NLBDNSAlias", foundation.hosted_zone(), inside or [default], names)
    if outside:
        zone = template.parameter(
            ALIAS_ZONE, f"The hosted zone of {', '.join(outside)}.", type="AWS::Route53::HostedZone::Id"
        )
        _record_set(template, "NLBDNSAliases", zone, outside, names)


def aliases_of(service: Service) -> tuple[list[str], list[str]]:
    """The names of the load balancer in the environment's zone, and those elsewhere, where the application has a
    domain."""
    balancer = service.network_load_balancer
    if balancer is None or not balancer.domain:
        return [], []
    end = f".{service.environment}.{service.app}.{balancer.domain}"
    names = [alias.name for alias in balancer.aliases]
    return [name for name in names if name.endswith(end)], [name for name in names if not name.endswith(end)]


def _records_where_they_are_missing(
    template: Template, foundation: Foundation, inside: list[str], outside: list[str]
) -> None:
    """Where Copilot deployed the service, its custom resource made the records of aliases, and one more of the same
    name would fail. Where the environment was rendered, nothing else makes them."""
    if inside:
        asked = template.parameter(
            ALIAS_RECORDS,
            f"true where nothing has made the record of {', '.join(inside)}: in an environment that is not Copilot's.",
            default="false",
            allowed_values=("true", "false"),
        )
        condition = template.condition("MakesNLBAliasRecords", Fn("Equals", [asked, "true"]))
        _record_set(template, "NLBDNSAlias", foundation.hosted_zone(), inside, _COPILOTS, condition)
    if outside:
        zone = template.parameter(
            ALIAS_ZONE,
            f"The hosted zone of {', '.join(outside)}, where nothing has made the record: in an environment that is "
            "not Copilot's.",
            default="",
        )
        condition = template.condition("HasNLBHostedZone", is_set(ALIAS_ZONE))
        _record_set(template, "NLBDNSAliases", zone, outside, _COPILOTS, condition)


def _record_set(
    template: Template, name: str, zone: object, hosts: list[str], names: _Names, condition: str = ""
) -> None:
    target = GetAtt(names.load_balancer, "CanonicalHostedZoneID"), GetAtt(names.load_balancer, "DNSName")
    template.records(name, zone, hosts, target, comment="the network load balancer", condition=condition)
