"""Services in the shape of DescribeServices. Source: the ECS API reference (Service)."""

from __future__ import annotations

from typing import Any

from emulator.agent.scheduler.described.configuration import described_configuration
from emulator.agent.scheduler.rollouts import Rollouts
from emulator.ecs.identity import cluster_arn, service_arn, task_definition_arn
from emulator.frontdoor.access_log import LoadBalancerName
from emulator.runtime.state.desired import DesiredService, DesiredState


def described_services(state: DesiredState, rollouts: Rollouts) -> list[dict[str, Any]]:
    """DescribeServices' `Service` of each, in the order of their names, each with its last `serviceDeployments`. A
    Scheduled Job is no service."""
    return [
        _described(state, desired, rollouts)
        for _, desired in sorted(state.services.items())
        if desired.service.schedule is None
    ]


def _described(state: DesiredState, desired: DesiredService, rollouts: Rollouts) -> dict[str, Any]:
    service, options = desired.service, desired.options
    known = rollouts.as_plain(service.name)
    deployments = known["deployments"]
    first = deployments[0] if deployments else {}
    where = (options.region, options.account)
    balancer = LoadBalancerName(service.app, service.environment, *where)
    return {
        "serviceArn": service_arn(options.region, state.cluster, service.name, options.account),
        "serviceName": service.name,
        "clusterArn": cluster_arn(options.region, state.cluster, options.account),
        "status": "ACTIVE",
        "desiredCount": desired.desired_count,
        "runningCount": sum(one["runningCount"] for one in deployments),
        "pendingCount": sum(one["pendingCount"] for one in deployments),
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "taskDefinition": task_definition_arn(
            options.region, service.task_definition.family, desired.revision, options.account
        ),
        "loadBalancers": [
            {
                "targetGroupArn": balancer.target_group_arn(service.name, group.name),
                "containerName": group.container_name,
                "containerPort": group.container_port,
            }
            for group in service.target_groups
        ],
        "serviceRegistries": [],
        "deploymentConfiguration": described_configuration(service.deployment),
        "deployments": deployments,
        "events": known["events"],
        "createdAt": first.get("createdAt"),
        "placementConstraints": [],
        "placementStrategy": [],
        "healthCheckGracePeriodSeconds": service.health_check_grace_period,
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "enableECSManagedTags": False,
        "propagateTags": "SERVICE",
        "enableExecuteCommand": service.execute_command,
        "serviceDeployments": known["serviceDeployments"],
        **desired.echoed,
    }
