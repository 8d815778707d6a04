"""Services and tasks in clusters that are no environment: kept, but nothing is placed, as in a cluster of ECS without
container instances, or while Fargate has no capacity. What could never be placed here is not judged: a service may also
lack a task definition, and a task definition need not fit the launch type."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import Any

from emulator.api.arns import short, short_arn
from emulator.api.clusters import FAILED, WAITING, Cluster, Clusters, no_capacity, on_fargate
from emulator.api.definitions import Definition
from emulator.api.deployment_configuration import percents
from emulator.api.errors import invalid, not_idempotent
from emulator.api.operations import tokens
from emulator.api.operations.definitions import find_for
from emulator.api.operations.orders import ECHOED, refuse_inactive
from emulator.api.operations.settings import holds
from emulator.api.operations.tags import set_tags
from emulator.api.shapes import Answer, Request
from emulator.api.tag_rules import changed_tags, listed, tags_of_task
from emulator.ecs.identity import ecs_arn, new_task_id, service_arn, task_arn

KEPT = (
    *ECHOED,
    "launchType",
    "loadBalancers",
    "schedulingStrategy",
    "deploymentConfiguration",
    "healthCheckGracePeriodSeconds",
)
MOST_TASKS = 100
"""Tasks that could not be placed and stay describable."""


def create(clusters: Clusters, cluster: Cluster, asked: Request, count: int) -> Answer:
    """The service that CreateService answers. Raises `ApiError`."""
    name = asked["serviceName"]
    definition = _definition(clusters, cluster, asked)
    _refuse_wrong_percents(asked)
    now = round(time.time(), 3)
    made = {
        "serviceArn": service_arn(clusters.region, cluster.name, name, clusters.account),
        "serviceName": name,
        "clusterArn": cluster.arn,
        "status": "ACTIVE",
        "taskDefinition": definition,
        "createdAt": now,
        "deploymentController": {"type": "ECS"},
        "loadBalancers": [],
        "serviceRegistries": [],
        "placementConstraints": [],
        "placementStrategy": [],
        "schedulingStrategy": "REPLICA",
        "launchType": None if asked.get("capacityProviderStrategy") else "EC2",
        "enableExecuteCommand": asked.get("enableExecuteCommand", False),
        "createdBy": f"arn:aws:iam::{clusters.account}:user/local",
        **{key: asked[key] for key in KEPT if key in asked},
    }
    if "role" in asked:
        made["roleArn"] = asked["role"]
    made = _counted(made, count)
    existing = next((one for one in cluster.services if one["serviceName"] == name), None)
    if existing is not None:
        if not _is_same(made, _recorded(cluster, name)):
            raise not_idempotent()
        return existing
    set_tags(clusters, made["serviceArn"], changed_tags({}, asked.get("tags", ())))
    return _written(clusters, cluster, made | {"deployments": [_deployment(made, count)]})


def update(clusters: Clusters, cluster: Cluster, service: Answer, asked: Request) -> Answer:
    """The service after UpdateService. Raises `ApiError`."""
    count = int(asked.get("desiredCount", service["desiredCount"]))
    changed = {**service, **{key: asked[key] for key in KEPT if key in asked}}
    if "deploymentConfiguration" in asked:
        changed["deploymentConfiguration"] = {
            **service.get("deploymentConfiguration", {}),
            **asked["deploymentConfiguration"],
        }
        _refuse_wrong_percents(changed)
    if "capacityProviderStrategy" in asked:
        strategy = asked["capacityProviderStrategy"]
        changed |= {"launchType": None if strategy else "EC2", "capacityProviderStrategy": strategy or None}
    if "taskDefinition" in asked:
        changed["taskDefinition"] = _definition(clusters, cluster, asked)
    anew = asked.get("forceNewDeployment") or changed["taskDefinition"] != service["taskDefinition"]
    kept = {**service["deployments"][0], "desiredCount": count, "pendingCount": count}
    deployment = _deployment(changed, count) if anew else {**kept, "updatedAt": round(time.time(), 3)}
    changed.pop("placed", None)
    return _written(clusters, cluster, _counted(changed, count) | {"deployments": [deployment]})


def run(clusters: Clusters, cluster: Cluster, asked: Request, count: int) -> list[Answer]:
    """The tasks that RunTask answers, which fail to start. Raises `ApiError` where they would be on EC2."""
    definition = find_for(clusters, cluster, asked["taskDefinition"])
    refuse_inactive(definition)
    if asked.get("launchType") == "EXTERNAL" or not on_fargate(asked):
        raise invalid(
            f"No Container Instances were found in your cluster. ({cluster.name} is no environment of this machine: "
            "`copilot-local up` makes one, whose cluster is APP-ENVIRONMENT.)"
        )
    tags = tags_of_task(definition.tags, asked)
    new = [new_task_id() for _ in range(count)]
    ids = tokens.claimed(clusters, asked, new)
    if ids != new:
        return [one for one in cluster.tasks if short(one["taskArn"]) in ids]
    begun = [{**_task(clusters, cluster, definition, asked, one), "tags": listed(tags)} for one in ids]
    with clusters.store.changing(FAILED) as document:
        document.update({one["taskArn"]: _failed(one) for one in begun})
        for oldest in list(document)[:-MOST_TASKS]:
            del document[oldest]
    for one in begun:
        set_tags(clusters, one["taskArn"], tags)
    return begun


def _task(clusters: Clusters, cluster: Cluster, definition: Definition, asked: Request, id_: str) -> Answer:
    arn = task_arn(clusters.region, cluster.name, id_, clusters.account)
    content, strategy = definition.described(), asked.get("capacityProviderStrategy")
    containers = [
        {
            "containerArn": ecs_arn(
                clusters.region, f"container/{cluster.name}/{short(arn)}/{uuid.uuid4()}", clusters.account
            ),
            "taskArn": arn,
            "name": one["name"],
            "image": one["image"],
            "lastStatus": "PENDING",
            "networkInterfaces": [],
            "cpu": str(one["cpu"]),
        }
        for one in content["containerDefinitions"]
    ]
    return {
        "taskArn": arn,
        "clusterArn": cluster.arn,
        "taskDefinitionArn": definition.arn,
        "group": asked.get("group", f"family:{definition.family}"),
        "startedBy": asked.get("startedBy"),
        "launchType": None if strategy else "FARGATE",
        "capacityProviderName": strategy[0]["capacityProvider"] if strategy else None,
        "cpu": content.get("cpu"),
        "memory": content.get("memory"),
        "containers": containers,
        "overrides": {
            "containerOverrides": [{"name": one["name"]} for one in containers],
            **asked.get("overrides", {}),
        },
        "attachments": [],
        "enableExecuteCommand": asked.get("enableExecuteCommand", False),
        "createdAt": round(time.time(), 3),
        "lastStatus": "PROVISIONING",
        "desiredStatus": "RUNNING",
        "version": 1,
    }


def _failed(task: Answer) -> Answer:
    """The task once Fargate has given up."""
    now = round(time.time(), 3)
    return {
        **task,
        "containers": [{**one, "lastStatus": "STOPPED"} for one in task["containers"]],
        "lastStatus": "STOPPED",
        "desiredStatus": "STOPPED",
        "stopCode": "TaskFailedToStart",
        "stoppedReason": no_capacity(short(task["clusterArn"])),
        "stoppingAt": now,
        "stoppedAt": now,
        "version": 2,
    }


def _definition(clusters: Clusters, cluster: Cluster, asked: Request) -> str | None:
    """The ARN of the task definition that is asked for, if one is. Raises `ApiError`."""
    if "taskDefinition" not in asked:
        return None
    found = find_for(clusters, cluster, asked["taskDefinition"])
    refuse_inactive(found)
    return found.arn


def shown(clusters: Clusters, service: Answer) -> Answer:
    """The service of such a cluster with its ARN in the format that the caller's settings ask for."""
    if holds(clusters, "serviceLongArnFormat") == "enabled":
        return service
    return {**service, "serviceArn": short_arn(service["serviceArn"])}


def remove(clusters: Clusters, cluster: Cluster, name: str) -> None:
    """Forgets a service that was deleted."""
    with clusters.store.changing(WAITING) as document:
        document.pop(f"{cluster.arn}/{name}", None)


def _refuse_wrong_percents(service: Request) -> None:
    """Raises `ApiError` for shares of tasks that ECS does not take. A DAEMON's may be no more than one an instance."""
    defaults = (0, 100) if service.get("schedulingStrategy") == "DAEMON" else (100, 200)
    percents(service.get("deploymentConfiguration", {}), *defaults)


def _recorded(cluster: Cluster, name: str) -> Answer:
    """A service as it is kept here, whatever runs of it."""
    kept = cluster.recorded.services if cluster.recorded is not None else ()
    return next(dict(one) for one in kept if one["serviceName"] == name)


def _is_same(made: Answer, kept: Answer) -> bool:
    """Whether a request would make the service that is there."""
    members = ("taskDefinition", "desiredCount", "enableExecuteCommand", "roleArn", *KEPT)
    return all(_holds(kept.get(key), made[key]) for key in members if key in made)


def _holds(kept: Any, made: Any) -> bool:
    """Whether a value is the same, with members that were added to it by itself left out."""
    if isinstance(kept, dict) and isinstance(made, dict):
        return all(_holds(kept.get(key), value) for key, value in made.items())
    return bool(kept == made)


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
        "launchType": service["launchType"],
        "capacityProviderStrategy": service.get("capacityProviderStrategy"),
        "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": f"ECS deployment {id_} in progress.",
    }
