"""A service as an Express Mode service of ECS (AWS::ECS::ExpressGatewayService), and what that cannot say.

ECS makes the load balancer, its listener with a certificate and a domain name, the target groups and the scaling by
itself. Sources: CloudFormation resource reference, AWS::ECS::ExpressGatewayService; ECS developer guide, "Express Mode
services": with a task definition of its own the main container is named `Main` and has one named TCP port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from emulator.ecs.deployment import ScalingPolicy
from emulator.ecs.references import ImageReference
from emulator.ecs.service import Forward, Service, TargetGroup
from emulator.ecs.task_definition import ContainerDefinition, PortMapping
from emulator.errors import InputError, Position
from emulator.render.cloudformation.ecs_service import number
from emulator.render.cloudformation.foundations.foundation import Foundation
from emulator.render.cloudformation.intrinsics import GetAtt, Ref, Sub
from emulator.render.cloudformation.options import StackOptions
from emulator.render.cloudformation.policies import add_role
from emulator.render.cloudformation.template import Properties, Template
from emulator.render.cloudformation.values import Values

MAIN: Final = "Main"
"""The name that Express wants of the container that requests go to."""
_PORT_NAME: Final = "main"
_BALANCER_NAME: Final = "COPILOT_LB_DNS"
"""A variable that Copilot sets, and that would refer from the service to itself."""
_METRICS: Final = {"cpu": "AVERAGE_CPU", "memory": "AVERAGE_MEMORY", "requests": "REQUEST_COUNT_PER_TARGET"}
_POLICY: Final = (
    "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonECSInfrastructureRoleforExpressGatewayServices"
)
_ALL_PATHS: Final = ["/*"]
_COOLDOWNS: Final = (ScalingPolicy.model_fields["scale_in_cooldown"].default,
                     ScalingPolicy.model_fields["scale_out_cooldown"].default)  # fmt: skip


def refusals(service: Service, position: Callable[[str], Position | None]) -> list[InputError]:
    """Everything of the service that Express cannot say, each with its line, which `position` knows of a path in the
    manifest; empty: it can be rendered."""
    found = [*_kind(service)] or [*_traffic(service), *_health(service), *_tasks(service), *_scaling(service)]
    return [
        InputError(f"Express cannot say this: {it.what}", position=it.at or _nearest(it.place, position), hint=it.hint)
        for it in found
    ]


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What cannot be said, the path of the manifest that asks for it, what to do, and where it stands if known."""

    what: str
    place: str = "name"
    hint: str = ""
    at: Position | None = None


def _nearest(place: str, position: Callable[[str], Position | None]) -> Position | None:
    """Where a path of the manifest stands, or the part that it is in."""
    while place:
        if found := position(place):
            return found
        place = place.rpartition(".")[0]
    return position("name")


def notes(service: Service) -> list[str]:
    """What changes with Express and keeps nothing from running."""
    target = service.target_groups[0].container_name
    found = [
        f"container {target} is named {MAIN}: log streams and targets of `aws ecs execute-command` change with it",
        "the address is the output Endpoint, with a certificate of AWS's; containers have no COPILOT_LB_DNS",
    ]
    balancer = service.load_balancer
    if balancer is not None and balancer.domain:
        name = f"{service.name}.{service.environment}.{service.app}.{balancer.domain}"
        found.append(f"the name {name} is not kept: make a record for the Endpoint")
    if service.discovery is not None:
        found.append(f"{service.discovery.name}.{service.discovery.namespace} is no name of it any more")
    if service.execute_command:
        found.append("`exec: true` has no property: turn it on with `aws ecs update-service --enable-execute-command`")
    return found


def as_express(service: Service) -> Service:
    """The service whose target container is `Main`, behind no load balancer of the stack's. Of one without refusals."""
    group = service.target_groups[0]
    old = group.container_name
    containers = [_renamed(it, group) for it in service.task_definition.container_definitions]
    return service.model_copy(
        update={
            "task_definition": service.task_definition.model_copy(update={"container_definitions": containers}),
            "main_container": MAIN if service.main_container == old else service.main_container,
            "builds": {MAIN if name == old else name: build for name, build in service.builds.items()},
            "load_balancer": None,
            "listener_rules": [],
            "discovery": None,
            "positions": service.positions | _moved(service, old),
        }
    )


def renamed_values(values: Mapping[str, str], service: Service) -> dict[str, str]:
    """Known values, that of the target's image under its new name."""
    image = f"image:{service.target_groups[0].container_name}"
    return {f"image:{MAIN}" if name == image else name: value for name, value in values.items()}


def add_express(
    template: Template, service: Service, foundation: Foundation, values: Values, options: StackOptions
) -> None:
    """Adds the service and the role by which ECS manages what is around it."""
    add_role(
        template,
        "InfrastructureRole",
        "ecs.amazonaws.com",
        [],
        managed=[Sub(_POLICY)],
        boundary=options.permissions_boundary,
        comment="What ECS may do to make the load balancer, its certificate, security groups and scaling.",
    )
    template.resource(
        "Service",
        "AWS::ECS::ExpressGatewayService",
        {
            "Cluster": foundation.cluster(),
            "InfrastructureRoleArn": GetAtt("InfrastructureRole", "Arn"),
            "TaskDefinitionArn": Ref("TaskDefinition"),
            "HealthCheckPath": service.target_groups[0].health_check.path,
            "NetworkConfiguration": {
                "Subnets": foundation.subnets(),
                "SecurityGroups": [
                    *foundation.security_groups(),
                    *(values.node(group) for group in service.network.security_groups),
                ],
            },
            "ScalingTarget": _scaling_target(service),
        },
        comment="Keeps the tasks running, behind a load balancer that ECS makes",
        position=service.positions.get("name"),
    )
    template.output("Endpoint", GetAtt("Service", "Endpoint"), "Address of the service.")
    template.output("ServiceArn", GetAtt("Service", "ServiceArn"), "ARN of the ECS service.")


def _kind(service: Service) -> Iterator[_Refusal]:
    if service.schedule is not None or not [it for it in service.target_groups if it.protocol == "HTTP"]:
        what = "a job" if service.schedule is not None else f"a {service.type} without HTTP"
        hint = "Express is for services behind HTTP; `copilot-local render cloudformation` renders this one"
        yield _Refusal(f"{service.name} is {what}", hint=hint)
    elif service.type not in ("Load Balanced Web Service", "Backend Service"):
        yield _Refusal(f"{service.name} is a {service.type}")


def _traffic(service: Service) -> Iterator[_Refusal]:
    if service.network_listeners:
        yield _Refusal("a network load balancer", "nlb")
    if len([it for it in service.target_groups if it.protocol in ("HTTP", "HTTPS")]) > 1:
        yield _Refusal("a second target of requests", "http.additional_rules")
    balancer = service.load_balancer
    if balancer is not None:
        if balancer.imported:
            yield _Refusal("a load balancer of your own", "http.alb")
        for alias in balancer.aliases:
            yield _Refusal(f"the alias {alias.name}", "http.alias", at=alias.position)
        if balancer.certificates:
            yield _Refusal("a certificate", "http")
    private = service.network.placement == "private"
    if balancer is not None and private != (balancer.scheme == "internal"):
        hint = "subnets decide: in public ones it is public, in private ones internal"
        what = (
            "tasks in private subnets behind a public address" if private else "an internal address in public subnets"
        )
        yield _Refusal(what, "network.vpc.placement", hint)
    yield from _rules(service)


def _rules(service: Service) -> Iterator[_Refusal]:
    known = f"{service.name}.{service.environment}.{service.app}."
    for rule in service.listener_rules:
        if not isinstance(rule.action, Forward):
            continue  # a redirect to HTTPS, which Express always has
        for condition in rule.conditions:
            values = getattr(condition, "values", [])
            if condition.field == "path-pattern" and values == _ALL_PATHS and not condition.regex_values:
                continue
            aliases = service.load_balancer.aliases if service.load_balancer is not None else []
            names = {alias.name for alias in aliases}
            if condition.field == "host-header" and all(it.startswith(known) or it in names for it in values):
                continue  # its own names: aliases are refused by themselves
            what = {
                "path-pattern": f"a rule by path ({', '.join(map(str, values))})",
                "source-ip": "who may send requests",
            }.get(condition.field, f"a rule by {condition.field}")
            yield _Refusal(what, at=rule.position)
        if rule.transforms:
            yield _Refusal("requests that are rewritten", at=rule.position)


def _health(service: Service) -> Iterator[_Refusal]:
    group = service.target_groups[0]
    check = group.health_check
    place = "http.healthcheck"
    if group.protocol_version != "HTTP1":
        yield _Refusal(f"the version {group.protocol_version}", "http.version")
    if check.success_codes != "200":
        yield _Refusal(f"the success codes {check.success_codes}", f"{place}.success_codes")
    stated = sorted({*check.stated} & {"healthy_threshold", "unhealthy_threshold", "interval", "timeout"})
    if stated:
        yield _Refusal(f"how often is checked ({', '.join(stated)})", place)
    if check.port not in (None, group.container_port) or check.protocol != "HTTP":
        yield _Refusal("another port or protocol of the health check", place)
    if service.health_check_grace_period != Service.model_fields["health_check_grace_period"].default:
        what = f"a grace period of {service.health_check_grace_period} seconds"
        yield _Refusal(what, f"{place}.grace_period")
    if group.deregistration_delay != TargetGroup.model_fields["deregistration_delay"].default:
        what = f"a deregistration delay of {group.deregistration_delay} seconds"
        yield _Refusal(what, "http.deregistration_delay")
    if group.stickiness:
        yield _Refusal("stickiness", "http.stickiness")


def _tasks(service: Service) -> Iterator[_Refusal]:
    if service.connect is not None:
        yield _Refusal("Service Connect", "network.connect")
    if any(it.capacity_provider != "FARGATE" for it in service.capacity_providers):
        yield _Refusal("Fargate Spot", "count")
    deployment = service.deployment
    if (deployment.minimum_healthy_percent, deployment.maximum_percent) != (100, 200):
        yield _Refusal("how many tasks are replaced at a time", "deployment.rolling")
    if deployment.rollback_alarms is not None:
        yield _Refusal("alarms that roll back", "deployment.rollback_alarms")
    names = [it.name for it in service.task_definition.container_definitions]
    if MAIN in names and service.target_groups[0].container_name != MAIN:
        yield _Refusal(f"a sidecar that is named {MAIN}", f"sidecars.{MAIN}")


def _scaling(service: Service) -> Iterator[_Refusal]:
    scaling = service.scaling
    if scaling is None:
        return
    if len(scaling.policies) > 1:
        metrics = ", ".join(policy.metric for policy in scaling.policies)
        yield _Refusal(f"scaling by more than one metric ({metrics})", "count")
    for policy in scaling.policies:
        if policy.metric not in _METRICS:
            yield _Refusal(f"scaling by {policy.metric}", "count", at=policy.position)
        elif policy.target_value != int(policy.target_value):
            yield _Refusal(f"a target of {policy.target_value}: it is a whole number", at=policy.position)
        if (policy.scale_in_cooldown, policy.scale_out_cooldown) != _COOLDOWNS:
            yield _Refusal("cooldowns", "count.cooldown", at=policy.position)


def _scaling_target(service: Service) -> Properties:
    scaling = service.scaling
    if scaling is None:
        return {"MinTaskCount": service.desired_count, "MaxTaskCount": service.desired_count}
    found: Properties = {"MinTaskCount": scaling.min_capacity, "MaxTaskCount": scaling.max_capacity}
    for policy in scaling.policies:
        found |= {
            "AutoScalingMetric": _METRICS[policy.metric],
            "AutoScalingTargetValue": number(policy.target_value),
        }
    return found


def _renamed(container: ContainerDefinition, group: TargetGroup) -> ContainerDefinition:
    """A container with the target's new name wherever it is named; the target itself with one named port."""
    old = group.container_name
    depends_on = [
        it.model_copy(update={"container_name": MAIN}) if it.container_name == old else it
        for it in container.depends_on
    ]
    environment = [it for it in container.environment if it.name != _BALANCER_NAME]
    changed: dict[str, object] = {"depends_on": depends_on, "environment": environment}
    if container.name == old:
        image = ImageReference(name=MAIN) if isinstance(container.image, ImageReference) else container.image
        ports = list(_ports(container, group.container_port))
        changed |= {"name": MAIN, "image": image, "port_mappings": ports}
    return container.model_copy(update=changed)


def _ports(container: ContainerDefinition, port: int) -> Iterator[PortMapping]:
    there = False
    for mapping in container.port_mappings:
        main = mapping.container_port == port and mapping.protocol == "tcp"
        there = there or main
        yield mapping.model_copy(update={"name": (mapping.name or _PORT_NAME) if main else None})
    if not there:
        yield PortMapping(container_port=port, protocol="tcp", name=_PORT_NAME)


def _moved(service: Service, old: str) -> dict[str, Position]:
    """Positions of a sidecar under its new name."""
    start = f"sidecars.{old}"
    return {
        f"sidecars.{MAIN}{key.removeprefix(start)}": position
        for key, position in service.positions.items()
        if key == start or key.startswith(f"{start}.")
    }
