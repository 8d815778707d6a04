"""Services in clusters that are no environment: kept, but none of their tasks is placed, as in a cluster of ECS without
container instances. They are of the launch type EC2; those on Fargate need an environment."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from emulator.api.clusters import WAITING, Cluster, Clusters
from emulator.api.errors import invalid
from emulator.api.operations.definitions import find
from emulator.api.operations.orders import ECHOED, refuse_inactive
from emulator.api.operations.tags import changed_tags, set_tags
from emulator.ecs.identity import service_arn

Request = Mapping[str, Any]
Answer = dict[str, Any]

KEPT = (*ECHOED, "launchType", "schedulingStrategy", "deploymentConfiguration", "healthCheckGracePeriodSeconds")


def create(clusters: Clusters, cluster: Cluster, asked: Request, count: int) -> Answer:
    """The service that CreateService answers. Raises `ApiError` where it would run on Fargate."""
    name = asked["serviceName"]
    if asked.get("launchType", "EC2") == "FARGATE" or asked.get("capacityProviderStrategy"):
        _ = cluster.agent
    definition = find(clusters, asked["taskDefinition"])
    refuse_inactive(definition)
    existing = next((one for one in cluster.services if one["serviceName"] == name), None)
    if existing is not None:
        if (existing["taskDefinition"], existing["desiredCount"]) != (definition.arn, count):
            raise invalid("Creation of service was not idempotent.")
        return existing
    now = round(time.time(), 3)
    made = {
        "serviceArn": service_arn(clusters.region, cluster.name, name, clusters.account),
        "serviceName": name,
        "clusterArn": cluster.arn,
        "status": "ACTIVE",
        "taskDefinition": definition.arn,
        "createdAt": now,
        "deploymentController": {"type": "ECS"},
        "loadBalancers": [],
        "serviceRegistries": [],
        "placementConstraints": [],
        "placementStrategy": [],
        "schedulingStrategy": "REPLICA",
        "launchType": "EC2",
        "enableExecuteCommand": asked.get("enableExecuteCommand", False),
        "createdBy": f"arn:aws:iam::{clusters.account}:user/local",
        **{key: asked[key] for key in KEPT if key in asked},
    }
    if "role" in asked:
        made["roleArn"] = asked["role"]
    set_tags(clusters, made["serviceArn"], changed_tags({}, asked.get("tags", ())))
    return _written(clusters, cluster, _counted(made, count) | {"deployments": [_deployment(made, count)]})


def update(clusters: Clusters, cluster: Cluster, service: Answer, asked: Request) -> Answer:
    """The service after UpdateService. Raises `ApiError` where it would run on Fargate."""
    if asked.get("capacityProviderStrategy"):
        _ = cluster.agent
    count = int(asked.get("desiredCount", service["desiredCount"]))
    changed = {**service, **{key: asked[key] for key in KEPT if key in asked}}
    if "taskDefinition" in asked:
        definition = find(clusters, asked["taskDefinition"])
        refuse_inactive(definition)
        changed["taskDefinition"] = definition.arn
    anew = asked.get("forceNewDeployment") or changed["taskDefinition"] != service["taskDefinition"]
    kept = {**service["deployments"][0], "desiredCount": count, "pendingCount": count}
    deployment = _deployment(changed, count) if anew else {**kept, "updatedAt": round(time.time(), 3)}
    return _written(clusters, cluster, _counted(changed, count) | {"deployments": [deployment]})


def remove(clusters: Clusters, cluster: Cluster, name: str) -> None:
    """Forgets a service that was deleted."""
    with clusters.store.changing(WAITING) as document:
        document.pop(f"{cluster.arn}/{name}", None)


def _written(clusters: Clusters, cluster: Cluster, service: Answer) -> Answer:
    with clusters.store.changing(WAITING) as document:
        document[f"{cluster.arn}/{service['serviceName']}"] = {**service, "events": []}
    return {**service, "events": []}


def _counted(service: Answer, count: int) -> Answer:
    return {**service, "desiredCount": count, "runningCount": 0, "pendingCount": count}


def _deployment(service: Answer, count: int) -> Answer:
    id_, now = f"ecs-svc/{secrets.randbelow(9 * 10**18) + 10**18}", round(time.time(), 3)
    return {
        "id": id_,
        "status": "PRIMARY",
        "taskDefinition": service["taskDefinition"],
        "desiredCount": count,
        "pendingCount": count,
        "runningCount": 0,
        "failedTasks": 0,
        "createdAt": now,
        "updatedAt": now,
        "launchType": "EC2",
        "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": f"ECS deployment {id_} in progress.",
    }
