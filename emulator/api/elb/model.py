"""Load balancers in the shapes of the Elastic Load Balancing API, made of what should run in an environment. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.ecs.listener.properties import condition_properties, transform_properties
from emulator.ecs.service import Action, FixedResponse, Forward, Redirect, TargetGroup
from emulator.frontdoor.access_log import LoadBalancerName
from emulator.frontdoor.balancers import Balancer, Listener, balancer_of
from emulator.frontdoor.routing.rules import rules_in_order
from emulator.runtime.state.desired import DesiredService, DesiredState

Shape = dict[str, Any]

HOST = "localhost"
"""What a load balancer is reached by from this machine, at the ports of its listeners."""
ZONE = "Z0000000000000"


@dataclass(frozen=True, slots=True)
class _Listening:
    """A listener with the port of this machine that it is published at."""

    balancer: Balancer
    listener: Listener
    port: int


class Balancers:
    """Everything of one environment."""

    def __init__(self, state: DesiredState) -> None:
        self._state = state
        self._services = [desired for _, desired in sorted(state.services.items())]

    def load_balancers(self) -> list[Shape]:
        """Those that something is on, the public one first, network load balancers last."""
        found = []
        for balancer in dict.fromkeys(one.balancer for one in self._listening()):
            scheme = "internal" if balancer is Balancer.INTERNAL else "internet-facing"
            found.append(self._load_balancer(self._application_arn(balancer), scheme, "application"))
        for desired in self._with_network_listeners():
            outside = desired.service.network_load_balancer
            scheme = outside.scheme if outside is not None else "internet-facing"
            found.append(self._load_balancer(self._network_arn(desired), scheme, "network"))
        return found

    def listeners(self) -> list[Shape]:
        """Those of all load balancers. The port is that of this machine."""
        found = []
        for one in self._listening():
            group = self._name_of(self._first).target_group_arn("default", "http")
            found.append(
                {
                    "ListenerArn": self._listener_arn(one),
                    "LoadBalancerArn": self._application_arn(one.balancer),
                    "Port": one.port,
                    "Protocol": one.listener,
                    "Certificates": [],
                    "DefaultActions": [_forward([(group, 1)], None)],
                }
            )
        for desired in self._with_network_listeners():
            for listener in desired.service.network_listeners:
                published = [
                    port.host_port
                    for port in self._state.network_ports
                    if (port.service, port.port) == (desired.service.name, listener.port)
                ]
                group = self._group_arn(desired, listener.target_group)
                arn = self._network_arn(desired)
                found.append(
                    {
                        "ListenerArn": f"{arn.replace(':loadbalancer/', ':listener/')}/{_hash(str(listener.port))}",
                        "LoadBalancerArn": arn,
                        "Port": published[0] if published else listener.port,
                        "Protocol": listener.protocol,
                        "SslPolicy": listener.ssl_policy,
                        "DefaultActions": [_forward([(group, 1)], None)],
                    }
                )
        return found

    def rules(self, listener_arn: str) -> list[Shape]:
        """The rules of a listener in their order, the default one last."""
        found = []
        for one in self._listening():
            if self._listener_arn(one) != listener_arn:
                continue
            services = [desired.service for desired in self._services if balancer_of(desired.service) is one.balancer]
            own = {desired.service.name: desired for desired in self._services}
            for placed in rules_in_order(services, one.listener):
                desired = own[placed.service.name]
                found.append(
                    {
                        "RuleArn": _rule_arn(listener_arn, f"{placed.service.name}/{placed.rule.name}"),
                        "Priority": str(placed.priority),
                        "Conditions": [_condition(condition) for condition in placed.rule.conditions],
                        "Actions": [self._action(desired, placed.rule.action)],
                        "IsDefault": False,
                        "Transforms": [transform_properties(one) for one in placed.rule.transforms],
                    }
                )
        for listener in self.listeners():
            if listener["ListenerArn"] == listener_arn:
                arn, actions = _rule_arn(listener_arn, "default"), listener["DefaultActions"]
                found.append(
                    {"RuleArn": arn, "Priority": "default", "Conditions": [], "Actions": actions, "IsDefault": True}
                )
        return found

    def target_groups(self) -> list[Shape]:
        """Those of all services."""
        return [
            self._target_group(desired, group) for desired in self._services for group in desired.service.target_groups
        ]

    def names_of_groups(self) -> dict[str, tuple[str, TargetGroup]]:
        """By ARN, the service and the target group."""
        return {
            self._group_arn(desired, group.name): (desired.service.name, group)
            for desired in self._services
            for group in desired.service.target_groups
        }

    @property
    def _first(self) -> DesiredService:
        return self._services[0]

    def _listening(self) -> Iterator[_Listening]:
        state = self._state
        used = {balancer_of(one.service) for one in self._services if one.service.listener_rules}
        for one in (
            _Listening(Balancer.PUBLIC, "HTTP", state.front_port),
            _Listening(Balancer.PUBLIC, "HTTPS", state.https_port),
            _Listening(Balancer.INTERNAL, "HTTP", state.internal_port),
            _Listening(Balancer.INTERNAL, "HTTPS", state.internal_https_port),
        ):
            if one.port and one.balancer in used:
                yield one

    def _with_network_listeners(self) -> list[DesiredService]:
        return [desired for desired in self._services if desired.service.network_listeners]

    def _load_balancer(self, arn: str, scheme: str, kind: str) -> Shape:
        region = self._first.options.region
        return {
            "LoadBalancerArn": arn,
            "DNSName": HOST,
            "CanonicalHostedZoneId": ZONE,
            "LoadBalancerName": arn.split("/")[2],
            "Scheme": scheme,
            "VpcId": self._vpc,
            "State": {"Code": "active"},
            "Type": kind,
            "AvailabilityZones": [{"ZoneName": f"{region}a", "SubnetId": subnet_of(self._vpc)}],
            "SecurityGroups": [],
            "IpAddressType": "ipv4",
        }

    def _target_group(self, desired: DesiredService, group: TargetGroup) -> Shape:
        arn, check = self._group_arn(desired, group.name), group.health_check
        matcher = {"GrpcCode" if group.protocol_version == "GRPC" else "HttpCode": check.success_codes}
        http = check.protocol != "TCP"
        return {
            "TargetGroupArn": arn,
            "TargetGroupName": arn.split("/")[1],
            "Protocol": group.protocol,
            "Port": group.container_port,
            "VpcId": self._vpc,
            "HealthCheckProtocol": check.protocol,
            "HealthCheckPort": "traffic-port" if check.port is None else str(check.port),
            "HealthCheckEnabled": True,
            "HealthCheckIntervalSeconds": check.interval,
            "HealthCheckTimeoutSeconds": check.timeout,
            "HealthyThresholdCount": check.healthy_threshold,
            "UnhealthyThresholdCount": check.unhealthy_threshold,
            "HealthCheckPath": check.path if http else None,
            "Matcher": matcher if http else None,
            "LoadBalancerArns": self._balancers_of(desired, group.name),
            "TargetType": "ip",
            "ProtocolVersion": group.protocol_version if group.protocol.startswith("HTTP") else None,
            "IpAddressType": "ipv4",
        }

    def _balancers_of(self, desired: DesiredService, group: str) -> list[str]:
        service, found = desired.service, []
        if any(
            group == weighted.target_group
            for rule in service.listener_rules
            if isinstance(rule.action, Forward)
            for weighted in rule.action.target_groups
        ):
            found.append(self._application_arn(balancer_of(service)))
        if any(listener.target_group == group for listener in service.network_listeners):
            found.append(self._network_arn(desired))
        return found

    @property
    def _vpc(self) -> str:
        return vpc_of(self._state.app, self._state.environment)

    def _name_of(self, desired: DesiredService) -> LoadBalancerName:
        service, options = desired.service, desired.options
        return LoadBalancerName(service.app, service.environment, options.region, options.account)

    def _arn(self, desired: DesiredService, resource: str) -> str:
        # As the ARNs of target groups: the access log has them so.
        return f"arn:aws:elasticloadbalancing:{desired.options.region}:{desired.options.account}:{resource}"

    def _application_arn(self, balancer: Balancer) -> str:
        return self._arn(self._first, f"loadbalancer/{self._name_of(self._first).load_balancer(balancer)}")

    def _network_arn(self, desired: DesiredService) -> str:
        service = desired.service
        name = f"{service.app}-{service.environment}-{service.name}-nlb"
        return self._arn(desired, f"loadbalancer/net/{name[:32].rstrip('-')}/{_hash(name)}")

    def _group_arn(self, desired: DesiredService, group: str) -> str:
        return self._name_of(desired).target_group_arn(desired.service.name, group)

    def _listener_arn(self, one: _Listening) -> str:
        arn = self._application_arn(one.balancer).replace(":loadbalancer/", ":listener/")
        return f"{arn}/{_hash(one.listener)}"

    def _action(self, desired: DesiredService, action: Action) -> Shape:
        match action:
            case Forward():
                groups = [(self._group_arn(desired, one.target_group), one.weight) for one in action.target_groups]
                return _forward(groups, action.stickiness_duration)
            case Redirect():
                config = {
                    "Protocol": action.protocol,
                    "Port": action.port,
                    "Host": action.host,
                    "Path": action.path,
                    "Query": action.query,
                    "StatusCode": f"HTTP_{action.status_code}",
                }
                return {"Type": "redirect", "Order": 1, "RedirectConfig": config}
            case FixedResponse():
                return {
                    "Type": "fixed-response",
                    "Order": 1,
                    "FixedResponseConfig": {
                        "MessageBody": action.message_body,
                        "StatusCode": str(action.status_code),
                        "ContentType": action.content_type,
                    },
                }


def vpc_of(app: str, environment: str) -> str:
    """The id of an environment's VPC."""
    return f"vpc-{_hash(f'{app}-{environment}')}"


def subnet_of(vpc: str) -> str:
    """The id of the only subnet of a VPC."""
    return f"subnet-{_hash(vpc)}"


def _condition(condition: Any) -> Shape:
    """As CloudFormation has it, and the values once more where the first API had them."""
    found: Shape = condition_properties(condition, HOST)
    values = next((config.get("Values") for key, config in found.items() if key.endswith("Config")), None)
    plain = condition.field in ("path-pattern", "host-header")
    return {**found, **({"Values": values} if plain and values else {})}


def _forward(groups: Sequence[tuple[str, int]], duration: int | None) -> Shape:
    sticky: Shape = {"Enabled": duration is not None}
    if duration is not None:
        sticky["DurationSeconds"] = duration
    return {
        "Type": "forward",
        "TargetGroupArn": groups[0][0] if len(groups) == 1 else None,
        "Order": 1,
        "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups],
            "TargetGroupStickinessConfig": sticky,
        },
    }


def _rule_arn(listener_arn: str, name: str) -> str:
    return f"{listener_arn.replace(':listener/', ':listener-rule/')}/{_hash(name)}"


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]
