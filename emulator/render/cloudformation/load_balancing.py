"""Target groups, listener rules and DNS records of the application load balancer, with Copilot's logical ids.

Source: Copilot, partials `http-listener.yml`, `https-listener.yml` and `imported-alb-resources.yml`.
"""

from __future__ import annotations

import re
import zlib

from emulator.ecs.listener.properties import condition_properties, transform_properties
from emulator.ecs.names import logical_id
from emulator.ecs.service import (
    Action,
    Condition,
    FixedResponse,
    Forward,
    HostHeader,
    ListenerRule,
    PathPattern,
    Redirect,
    Service,
    TargetGroup,
    TargetHealthCheck,
)
from emulator.render.cloudformation.foundations.foundation import Foundation
from emulator.render.cloudformation.intrinsics import Ref
from emulator.render.cloudformation.template import Properties, Template

_FIRST_ROOT_PRIORITY = 48000
"""Copilot keeps 48000 to 50000 for rules of the path `/`, which come last."""
_NUMBER = re.compile(r"(?P<listener>https?)(?:-(?P<number>\d+))?")


def add_load_balancing(template: Template, service: Service, foundation: Foundation) -> list[str]:
    """Adds everything and returns the logical ids of the rules: the service waits for them, since ECS refuses a target
    group without a load balancer."""
    for group in service.target_groups:
        if group.protocol in ("HTTP", "HTTPS"):
            _target_group(template, service, foundation, group)
    names = [_rule(template, service, foundation, rule) for rule in service.listener_rules]
    if service.load_balancer is not None and service.listener_rules:
        _records(template, service, foundation)
    return names


def target_group_id(group: str, foundation: Foundation) -> str:
    """The logical id of a target group."""
    if group.startswith("nlb"):
        return network_target_group_id(group, foundation)
    suffix = "" if group == "default" else group
    return f"TargetGroup{_imported_suffix(foundation)}{suffix}"


def network_target_group_id(group: str, foundation: Foundation) -> str:
    """The logical id of a target group of the network load balancer."""
    stem = "NetworkLoadBalancerTargetGroup" if foundation.options.in_copilot_environment else "NLBTargetGroup"
    return f"{stem}{group.removeprefix('nlb').removeprefix('-')}"


def target_group_attributes(group: TargetGroup, *, stickiness: bool | None) -> list[Properties]:
    """The attributes that are set; `stickiness` None leaves it out."""
    found: list[Properties] = [
        {"Key": "deregistration_delay.timeout_seconds", "Value": str(group.deregistration_delay)}
    ]
    if stickiness is not None:
        found.append({"Key": "stickiness.enabled", "Value": "true" if stickiness else "false"})
    return found


def health_check_timing(check: TargetHealthCheck) -> Properties:
    """What differs from Elastic Load Balancing's defaults."""
    names = {
        "HealthyThresholdCount": "healthy_threshold",
        "UnhealthyThresholdCount": "unhealthy_threshold",
        "HealthCheckIntervalSeconds": "interval",
        "HealthCheckTimeoutSeconds": "timeout",
    }
    return {name: getattr(check, key) for name, key in names.items() if key in check.stated}


def _imported_suffix(foundation: Foundation) -> str:
    """Copilot names what belongs to an imported load balancer apart; here, that matters in its environments only."""
    return "ForImportedALB" if foundation.imported and foundation.options.in_copilot_environment else ""


def _target_group(template: Template, service: Service, foundation: Foundation, group: TargetGroup) -> None:
    check = group.health_check
    path = "http" if group.name == "default" else f"http.additional_rules[{int(group.name) - 1}]"
    position = service.positions.get(f"{path}.healthcheck") or service.positions.get(f"{path}.path")
    template.resource(
        target_group_id(group.name, foundation),
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {
            "VpcId": foundation.vpc(),
            "TargetType": "ip",
            "Port": group.container_port,
            "Protocol": group.protocol,
            "ProtocolVersion": group.protocol_version if group.protocol_version_stated else None,
            "HealthCheckProtocol": check.protocol if "protocol" in check.stated else None,
            "HealthCheckPath": check.path,
            "HealthCheckPort": None if check.port is None else str(check.port),
            "Matcher": _matcher(group),
            **health_check_timing(check),
            "TargetGroupAttributes": target_group_attributes(group, stickiness=group.stickiness),
        },
        comment=f"Port {group.container_port} of container {group.container_name}",
        position=position,
    )


def _matcher(group: TargetGroup) -> Properties | None:
    if "success_codes" not in group.health_check.stated:
        return None
    key = "GrpcCode" if group.protocol_version == "GRPC" else "HttpCode"
    return {key: group.health_check.success_codes}


def _rule(template: Template, service: Service, foundation: Foundation, rule: ListenerRule) -> str:
    name = _rule_id(service, foundation, rule)
    template.resource(
        name,
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        {
            "ListenerArn": foundation.listener(rule.listener),
            "Priority": _priority(template, service, foundation, rule),
            "Conditions": [_condition(condition, foundation) for condition in rule.conditions],
            "Transforms": [transform_properties(transform) for transform in rule.transforms] or None,
            "Actions": [_action(rule.action, foundation)],
        },
        comment="To the HTTPS listener" if isinstance(rule.action, Redirect) else "Requests for the service",
        position=rule.position,
    )
    return name


def _rule_id(service: Service, foundation: Foundation, rule: ListenerRule) -> str:
    suffix = _rule_number(rule)
    imported = _imported_suffix(foundation)
    https = any(other.listener == "HTTPS" for other in service.listener_rules)
    if rule.listener == "HTTPS":
        return f"HTTPSListenerRule{imported}{suffix}"
    if imported:
        redirect = "Redirect" if isinstance(rule.action, Redirect) else ""
        return f"HTTPListener{redirect}Rule{imported}{suffix}"
    return f"HTTPListenerRule{'WithDomain' if https else ''}{suffix}"


def _rule_number(rule: ListenerRule) -> str:
    """The number that ends the logical ids of a rule: none for the main one."""
    found = _NUMBER.fullmatch(rule.name)
    return (found["number"] or "") if found else logical_id(rule.name)


def _priority(template: Template, service: Service, foundation: Foundation, rule: ListenerRule) -> object:
    """A parameter, one for the rules of one path on both listeners; in Copilot's environment one for each listener,
    since Copilot numbered the rules of each by themselves.

    Copilot asks the load balancer for the next free number. The default here is a number made of the service's name, so
    that services of one load balancer seldom meet, in the order of the rules, those of the path `/` last.
    """
    if rule.priority is not None:
        return rule.priority
    number = _rule_number(rule)
    index = int(number or 0) if (number or "0").isdigit() else 0
    hash = zlib.crc32(f"{service.app}/{service.environment}/{service.name}".encode())
    default = _FIRST_ROOT_PRIORITY + hash % 180 * 11 if rule.root else 1 + hash % 2000 * 20
    https = any(other.listener == "HTTPS" for other in service.listener_rules)
    apart = foundation.options.in_copilot_environment and https and rule.listener != "HTTPS"
    return template.parameter(
        f"RulePriority{'OnHTTP' if apart else ''}{number}",
        "Priority of the listener rule"
        + (f" for {_paths(rule)}" if _paths(rule) else "")
        + ", unique on its listener; lower ones are tried first.",
        type="Number",
        default=default + index,
    )


def _paths(rule: ListenerRule) -> str:
    return " and ".join(value for item in rule.conditions if isinstance(item, PathPattern) for value in item.values)


def _condition(condition: Condition, foundation: Foundation) -> Properties:
    own = isinstance(condition, HostHeader) and condition.load_balancer_name
    return condition_properties(condition, foundation.load_balancer("DNSName") if own else "")


def _action(action: Action, foundation: Foundation) -> Properties:
    match action:
        case Forward():
            return _forward(action, foundation)
        case Redirect():
            return {
                "Type": "redirect",
                "RedirectConfig": {
                    "Protocol": action.protocol,
                    "Port": action.port,
                    "Host": action.host,
                    "Path": action.path,
                    "Query": action.query,
                    "StatusCode": f"HTTP_{action.status_code}",
                },
            }
        case FixedResponse():
            config: Properties = {"StatusCode": str(action.status_code)}
            if action.content_type is not None:
                config["ContentType"] = action.content_type
            if action.message_body is not None:
                config["MessageBody"] = action.message_body
            return {"Type": "fixed-response", "FixedResponseConfig": config}


def _forward(action: Forward, foundation: Foundation) -> Properties:
    groups = [(Ref(target_group_id(it.target_group, foundation)), it.weight) for it in action.target_groups]
    if len(groups) == 1 and action.stickiness_duration is None:
        return {"Type": "forward", "TargetGroupArn": groups[0][0]}
    config: Properties = {"TargetGroups": [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups]}
    if action.stickiness_duration is not None:
        config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": action.stickiness_duration}
    return {"Type": "forward", "ForwardConfig": config}


def _records(template: Template, service: Service, foundation: Foundation) -> None:
    """Records of the service's domain names: in the hosted zones that the manifest names, of the default name in the
    environment's zone, and of the internal name."""
    balancer = foundation.balancer()
    zones: dict[str, list[str]] = {}
    for alias in balancer.aliases:
        if alias.hosted_zone and alias.name not in zones.setdefault(alias.hosted_zone, []):
            zones[alias.hosted_zone].append(alias.name)
    for zone, aliases in sorted(zones.items()):
        _record_set(template, f"LoadBalancerDNSAlias{logical_id(zone)}", zone, aliases, foundation)
    hosts = {value for rule in service.listener_rules for it in rule.conditions if isinstance(it, HostHeader)
             for value in it.values}  # fmt: skip
    if balancer.scheme == "internal":
        # With certificates that it imports, Copilot's environment has no private zone.
        zoneless = foundation.options.in_copilot_environment and bool(balancer.certificates)
        zone_name = f".{service.environment}.{service.app}.internal"
        own = [] if zoneless else sorted(host for host in hosts if host.endswith(zone_name))
        zone_id = foundation.internal_hosted_zone() if own else None
        if zone_id is not None:
            _record_set(template, "LoadBalancerInternalDNSAlias", zone_id, own, foundation)
    elif balancer.domain and not balancer.aliases:
        # Copilot ends the name with a dot.
        end = "." if foundation.options.in_copilot_environment else ""
        names = [f"{host}{end}" for host in sorted(hosts)]
        _record_set(template, "LoadBalancerDNSAlias", foundation.hosted_zone(), names, foundation)
    elif balancer.domain and not foundation.options.in_copilot_environment:
        _records_without_zone(template, service, foundation, balancer.domain)


def _records_without_zone(template: Template, service: Service, foundation: Foundation, domain: str) -> None:
    """Records of aliases for which the manifest names no zone. In Copilot's environment they are the environment's."""
    environment = f"{service.environment}.{service.app}.{domain}"
    names = dict.fromkeys(alias.name for alias in foundation.balancer().aliases if not alias.hosted_zone)
    inside = [name for name in names if name.endswith(f".{environment}")]
    if inside:
        _record_set(template, "LoadBalancerDNSAlias", foundation.hosted_zone(), inside, foundation)
    if outside := [name for name in names if name not in inside]:
        zone = template.parameter(
            "AliasHostedZoneId",
            f"The hosted zone of {', '.join(outside)}.",
            type="AWS::Route53::HostedZone::Id",
        )
        _record_set(template, "LoadBalancerDNSAliases", zone, outside, foundation)


def _record_set(template: Template, name: str, zone: object, hosts: list[str], foundation: Foundation) -> None:
    target = foundation.load_balancer("CanonicalHostedZoneID"), foundation.load_balancer("DNSName")
    template.records(name, zone, hosts, target, comment="the load balancer")
