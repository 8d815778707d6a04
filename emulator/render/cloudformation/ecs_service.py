"""The ECS service, its name in discovery, and the alarms that roll its deployments back."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.ecs.service import Service
from emulator.render.cloudformation.foundations.foundation import Foundation
from emulator.render.cloudformation.intrinsics import GetAtt, Ref
from emulator.render.cloudformation.load_balancing import target_group_id
from emulator.render.cloudformation.task_definition import LOG_GROUP
from emulator.render.cloudformation.template import Properties, Template
from emulator.render.cloudformation.values import Values


def add_service(
    template: Template, service: Service, foundation: Foundation, values: Values, waits_for: Sequence[str]
) -> None:
    """Adds the service, which is made after the resources in `waits_for`."""
    registries = _discovery(template, service, foundation)
    template.resource(
        "Service",
        "AWS::ECS::Service",
        {
            "Cluster": foundation.cluster(),
            "TaskDefinition": Ref("TaskDefinition"),
            "DesiredCount": _desired_count(template, service),
            "PlatformVersion": "1.0.0" if _is_windows(service) else "LATEST",
            **_capacity(service),
            "DeploymentConfiguration": _deployment(service),
            "HealthCheckGracePeriodSeconds": service.health_check_grace_period if service.target_groups else None,
            "LoadBalancers": _load_balancers(service, foundation) or None,
            "NetworkConfiguration": {
                "AwsvpcConfiguration": {
                    "Subnets": foundation.subnets(),
                    "AssignPublicIp": "ENABLED" if service.network.assign_public_ip else "DISABLED",
                    "SecurityGroups": [
                        *foundation.security_groups(),
                        *(values.node(group) for group in service.network.security_groups),
                    ],
                }
            },
            "ServiceConnectConfiguration": _connect(service, foundation),
            "ServiceRegistries": registries,
            "EnableExecuteCommand": True if service.execute_command else None,
            "PropagateTags": "SERVICE",
        },
        comment="Keeps the tasks running and replaces them when the task definition changes",
        position=service.positions.get("name"),
        depends_on=waits_for,
    )
    template.output("ServiceName", GetAtt("Service", "Name"), "Name of the ECS service.")
    _alarms(template, service, foundation)


def _desired_count(template: Template, service: Service) -> object | None:
    """Without scaling a parameter; with it nothing, since a number would undo the scaling with each deployment."""
    if service.scaling is not None:
        return None
    return template.parameter("TaskCount", "Number of tasks.", type="Number", default=service.desired_count)


def _is_windows(service: Service) -> bool:
    platform = service.task_definition.runtime_platform
    return ((platform is not None and platform.operating_system_family) or "LINUX") != "LINUX"


def _capacity(service: Service) -> Properties:
    if not service.capacity_providers:
        return {"LaunchType": "FARGATE"}
    strategy = [
        {
            "CapacityProvider": it.capacity_provider,
            "Weight": it.weight,
            **({} if it.base is None else {"Base": it.base}),
        }
        for it in service.capacity_providers
    ]
    return {"CapacityProviderStrategy": strategy}


def _deployment(service: Service) -> Properties:
    deployment = service.deployment
    names = alarm_names(service)
    return {
        "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
        "MinimumHealthyPercent": deployment.minimum_healthy_percent,
        "MaximumPercent": deployment.maximum_percent,
        "Alarms": {"Enable": bool(names), "Rollback": True, "AlarmNames": names},
    }


def _load_balancers(service: Service, foundation: Foundation) -> list[Properties]:
    return [
        {
            "ContainerName": group.container_name,
            "ContainerPort": group.container_port,
            "TargetGroupArn": Ref(target_group_id(group.name, foundation)),
        }
        for group in service.target_groups
    ]


def _connect(service: Service, foundation: Foundation) -> Properties:
    connect = service.connect
    if connect is None:
        return {"Enabled": False}
    found: Properties = {
        "Enabled": True,
        "Namespace": foundation.connect_namespace(connect.namespace),
        "LogConfiguration": {
            "LogDriver": "awslogs",
            "Options": {
                "awslogs-region": Ref("AWS::Region"),
                "awslogs-group": Ref(LOG_GROUP),
                "awslogs-stream-prefix": "copilot",
            },
        },
    }
    if connect.port_name is not None:
        alias = {"Port": connect.port, "DnsName": connect.dns_name}
        found["Services"] = [
            {"PortName": connect.port_name, "DiscoveryName": connect.discovery_name, "ClientAliases": [alias]}
        ]
    return found


def _discovery(template: Template, service: Service, foundation: Foundation) -> list[Properties] | None:
    discovery = service.discovery
    if discovery is None:
        return None
    in_copilot_environment = foundation.options.in_copilot_environment
    template.resource(
        "DiscoveryService",
        "AWS::ServiceDiscovery::Service",
        {
            "Name": discovery.name,
            "NamespaceId": foundation.namespace_id(),
            "DnsConfig": {
                "RoutingPolicy": "MULTIVALUE",
                "DnsRecords": [{"TTL": 10, "Type": "A"}, {"TTL": 10, "Type": "SRV"}],
            },
            "HealthCheckCustomConfig": {"FailureThreshold": 1},
            "Description": "Discovery Service for the Copilot services" if in_copilot_environment else None,
        },
        comment=f"{discovery.name}.{discovery.namespace}: the addresses of the tasks",
    )
    if (export := foundation.export_name("DiscoveryServiceARN")) is not None:
        arn = GetAtt("DiscoveryService", "Arn")
        template.output("DiscoveryServiceARN", arn, "ARN of the Discovery Service.", export=export)
    if discovery.port is None:
        return None
    return [{"RegistryArn": GetAtt("DiscoveryService", "Arn"), "Port": discovery.port}]


def alarm_names(service: Service) -> list[str]:
    """The alarms that roll a deployment back, by name."""
    alarms = service.deployment.rollback_alarms
    return [*(alarms.names if alarms is not None else ()), *(name for _, name, *_ in _own_alarms(service))]


def _own_alarms(service: Service) -> list[tuple[str, str, str, float, str]]:
    """Logical id, name, metric, threshold and unit of each alarm that is made."""
    alarms = service.deployment.rollback_alarms
    if alarms is None:
        return []
    prefix = f"{service.app}-{service.environment}-{service.name}-CopilotRollback"
    rows = (
        ("CPURollbackAlarm", "CPUAlarm", "CPUUtilization", alarms.cpu_utilization, "Percent"),
        ("MemoryRollbackAlarm", "MemAlarm", "MemoryUtilization", alarms.memory_utilization, "Percent"),
        (
            "MessagesDelayedRollbackAlarm",
            "MsgsDelayedAlarm",
            "ApproximateNumberOfMessagesDelayed",
            alarms.messages_delayed,
            "Count",
        ),
    )
    return [
        (logical, f"{prefix}{name}", metric, threshold, unit)
        for logical, name, metric, threshold, unit in rows
        if threshold is not None
    ]


def _alarms(template: Template, service: Service, foundation: Foundation) -> None:
    for logical, name, metric, threshold, unit in _own_alarms(service):
        queue = unit == "Count"
        dimensions: list[Properties] = [
            {"Name": "ClusterName", "Value": foundation.cluster()},
            {"Name": "ServiceName", "Value": GetAtt("Service", "Name")},
        ]
        if queue:
            dimensions = [{"Name": "QueueName", "Value": GetAtt("EventsQueue", "QueueName")}]
        limit = number(threshold)
        template.resource(
            logical,
            "AWS::CloudWatch::Alarm",
            {
                "AlarmName": name,
                "AlarmDescription": f"{metric} of {service.name} at {limit} or above: deployments roll back.",
                "Namespace": "AWS/SQS" if queue else "AWS/ECS",
                "MetricName": metric,
                "Dimensions": dimensions,
                "Statistic": "Average",
                "Unit": unit,
                "Period": 60,
                "EvaluationPeriods": 3,
                "DatapointsToAlarm": 2,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "Threshold": limit,
            },
            position=service.positions.get("deployment"),
            comment="Two bad minutes of three roll a deployment back",
        )


def number(value: float) -> int | float:
    """A number without `.0`."""
    return int(value) if value == int(value) else value
