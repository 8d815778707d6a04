"""The network load balancer of a service, which is its own. Source: Copilot, partial `nlb.yml`."""

from __future__ import annotations

from emulator.ecs.service import NetworkListener, Service, TargetGroup
from emulator.render.cloudformation.foundation import Foundation
from emulator.render.cloudformation.intrinsics import GetAtt, Ref
from emulator.render.cloudformation.load_balancing import (
    health_check_timing,
    network_target_group_id,
    target_group_attributes,
)
from emulator.render.cloudformation.template import Properties, Template

LOAD_BALANCER = "PublicNetworkLoadBalancer"
SECURITY_GROUP = "NLBSecurityGroup"
EVERYBODY = "0.0.0.0/0"


def add_network_load_balancer(template: Template, service: Service, foundation: Foundation) -> list[str]:
    """Adds load balancer, listeners and target groups; returns the listeners' logical ids, which the service waits
    for."""
    if service.network_load_balancer is None:
        return []
    template.resource(
        SECURITY_GROUP,
        "AWS::EC2::SecurityGroup",
        {
            "GroupDescription": f"Network load balancer of {service.name}",
            "VpcId": foundation.vpc(),
            "SecurityGroupIngress": [_ingress(listener) for listener in service.network_listeners],
        },
    )
    template.resource(
        LOAD_BALANCER,
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        {
            "Type": "network",
            "Scheme": "internet-facing",
            "Subnets": foundation.load_balancer_subnets(),
            "SecurityGroups": [GetAtt(SECURITY_GROUP, "GroupId")],
        },
        comment="The network load balancer, of this service alone",
        position=service.positions.get("nlb"),
    )
    names = []
    for number, listener in enumerate(service.network_listeners):
        _target_group(template, service, foundation, service.target_group(listener.target_group))
        names.append(f"NLBListener{number or ''}")
        _listener(template, listener, names[-1])
    foundation.admit(
        GetAtt(SECURITY_GROUP, "GroupId"), _ports(service), "The network load balancer reaches the tasks", "NLBIngress"
    )
    _record(template, service, foundation)
    template.output(
        "NetworkLoadBalancerDNSName", GetAtt(LOAD_BALANCER, "DNSName"), "DNS name of the network load balancer."
    )
    return names


def _transport(protocol: str) -> str:
    return "udp" if protocol == "UDP" else "tcp"


def _ingress(listener: NetworkListener) -> Properties:
    return {
        "CidrIp": EVERYBODY,
        "Description": f"Clients on port {listener.port}",
        "IpProtocol": _transport(listener.protocol),
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
        network_target_group_id(group.name),
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {
            "VpcId": foundation.vpc(),
            "TargetType": "ip",
            "Port": group.container_port,
            "Protocol": group.protocol,
            "HealthCheckProtocol": "TCP",
            "HealthCheckPort": None if check.port is None else str(check.port),
            **health_check_timing(check),
            # TLS listeners know no stickiness.
            "TargetGroupAttributes": target_group_attributes(
                group, stickiness=True if group.stickiness and not tls else None
            ),
        },
        comment=f"Port {group.container_port} of container {group.container_name}",
    )


def _listener(template: Template, listener: NetworkListener, name: str) -> None:
    properties: Properties = {
        "LoadBalancerArn": Ref(LOAD_BALANCER),
        "Port": listener.port,
        "Protocol": listener.protocol,
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": Ref(network_target_group_id(listener.target_group))}],
    }
    if listener.protocol == "TLS":
        certificate = template.parameter(
            "NLBCertificateArn", "ARN of the certificate of the network load balancer's TLS listeners."
        )
        properties |= {"Certificates": [{"CertificateArn": certificate}], "SslPolicy": listener.ssl_policy}
    template.resource(
        name, "AWS::ElasticLoadBalancingV2::Listener", properties, position=listener.position, comment="Connections"
    )


def _record(template: Template, service: Service, foundation: Foundation) -> None:
    """The default name, `<service>-nlb.…`, and aliases, below the application's domain."""
    balancer = service.network_load_balancer
    if balancer is None or not balancer.domain:
        return
    environment = f"{service.environment}.{service.app}.{balancer.domain}"
    names = [alias.name for alias in balancer.aliases] or [f"{service.name}-nlb.{environment}"]
    inside = [name for name in names if name.endswith(f".{environment}")]
    zones: list[tuple[object, list[str], str]] = [(foundation.hosted_zone(), inside, "NLBDNSAlias")] if inside else []
    if outside := [name for name in names if name not in inside]:
        zone = template.parameter(
            "NLBHostedZoneId",
            f"The hosted zone of {', '.join(outside)}.",
            type="AWS::Route53::HostedZone::Id",
        )
        zones.append((zone, outside, "NLBDNSAliases"))
    for zone_id, hosts, name in zones:
        alias = {
            "HostedZoneId": GetAtt(LOAD_BALANCER, "CanonicalHostedZoneID"),
            "DNSName": GetAtt(LOAD_BALANCER, "DNSName"),
        }
        template.resource(
            name,
            "AWS::Route53::RecordSetGroup",
            {
                "HostedZoneId": zone_id,
                "RecordSets": [{"Name": host, "Type": "A", "AliasTarget": alias} for host in hosts],
            },
            comment=f"{', '.join(hosts)}: the network load balancer",
        )
