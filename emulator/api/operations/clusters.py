"""Operations on clusters."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping
from typing import Any

from emulator.api.arns import short
from emulator.api.clusters import CLUSTERS, CREATED, DEFAULT, FARGATE_PROVIDERS, Cluster, Clusters
from emulator.api.created import names_of
from emulator.api.errors import ApiError, client_error
from emulator.api.operations.capacity import refuse_unknown_providers
from emulator.api.operations.tags import set_tags, tags_of, with_tags
from emulator.api.paging import limited, page
from emulator.api.shapes import Answer, Request
from emulator.api.tag_rules import changed_tags
from emulator.ecs.identity import cluster_arn

SET_AT_CREATION = (
    "settings",
    "configuration",
    "capacityProviders",
    "defaultCapacityProviderStrategy",
    "serviceConnectDefaults",
)
NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
MOST_INSTANCES = 100
INCLUDED: Mapping[str, tuple[str, Any]] = {
    "SETTINGS": ("settings", []),
    "CONFIGURATIONS": ("configuration", None),
    "STATISTICS": ("statistics", []),
    "ATTACHMENTS": ("attachments", None),
}
"""Members that DescribeClusters gives where a request includes them, and what stands there where it does not."""
MOST_DELETED = 100
"""Deleted clusters that stay describable."""


STATISTICS = (
    "runningEC2TasksCount",
    "runningFargateTasksCount",
    "pendingEC2TasksCount",
    "pendingFargateTasksCount",
    "runningExternalTasksCount",
    "pendingExternalTasksCount",
    "runningManagedInstancesTasksCount",
    "pendingManagedInstancesTasksCount",
    "activeEC2ServiceCount",
    "activeFargateServiceCount",
    "drainingEC2ServiceCount",
    "drainingFargateServiceCount",
    "activeExternalServiceCount",
    "drainingExternalServiceCount",
    "activeManagedInstancesServiceCount",
    "drainingManagedInstancesServiceCount",
)


def list_clusters(clusters: Clusters, asked: Request) -> Answer:
    """ListClusters; deleted ones stay discoverable for a while, as ECS says of them."""
    known = {one.arn for one in [*clusters.answering(), *clusters.recorded().values()]}
    return page("clusterArns", sorted(known), asked)


def describe_clusters(clusters: Clusters, asked: Request) -> Answer:
    """DescribeClusters; without names, the default cluster."""
    found, failures = [], []
    for name in asked.get("clusters") or [DEFAULT]:
        try:
            found.append(described(clusters, clusters.one(name)))
        except ApiError:
            deleted = clusters.recorded().get(short(name))
            if deleted is None or name not in (deleted.name, deleted.arn):
                arn = name if ":" in name else cluster_arn(clusters.region, name, clusters.account)
                failures.append({"arn": arn, "reason": "MISSING"})
            else:
                found.append(described(clusters, deleted))
    left_out = dict(member for key, member in INCLUDED.items() if key not in asked.get("include", ()))
    found = [{**one, **left_out} for one in with_tags(clusters, found, "clusterArn", asked)]
    return {"clusters": found, "failures": failures}


def create_cluster(clusters: Clusters, asked: Request) -> Answer:
    """CreateCluster: kept until something is to run in it. An environment's, and one that is there, is answered as it
    is."""
    name = asked.get("clusterName", DEFAULT)
    if not NAME.fullmatch(name):
        raise client_error("Cluster name must have 1 to 255 characters, of letters, digits, hyphens and underscores.")
    strategy = asked.get("defaultCapacityProviderStrategy", ())
    refuse_unknown_providers(clusters, asked.get("capacityProviders", ()), strategy)
    tags = changed_tags({}, asked.get("tags", ()))
    with contextlib.suppress(ApiError):
        return {"cluster": described(clusters, clusters.one(name))}
    arn = cluster_arn(clusters.region, name, clusters.account)
    with clusters.store.changing(CREATED) as document:
        document[arn] = {"arn": arn, "active": True, "since": time.time()}
    with clusters.store.changing(CLUSTERS) as document:
        document[arn] = {key: asked[key] for key in SET_AT_CREATION if key in asked}
    set_tags(clusters, arn, tags)
    made = described(clusters, clusters.one(name))
    return {"cluster": {**made, "tags": tags_of(clusters, arn) or []}}


def delete_cluster(clusters: Clusters, asked: Request) -> Answer:
    """DeleteCluster: INACTIVE, and describable. Raises `ApiError` for an environment's."""
    cluster = clusters.one(asked["cluster"])
    if cluster.services and cluster.recorded is not None:
        raise ApiError("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
    if cluster.recorded is None:
        raise ApiError(
            "ClusterContainsServicesException",
            "The Cluster cannot be deleted while Services are active. "
            f"{cluster.name} is an environment of this machine: `copilot-local down` ends it.",
        )
    if any(one["desiredStatus"] == "RUNNING" for one in cluster.tasks):
        raise ApiError("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
    clusters.host.created.begin_end(names_of(cluster.arn), there=cluster.environment is not None)
    with clusters.store.changing(CREATED) as document:
        document[cluster.arn] = {"arn": cluster.arn, "active": False, "since": time.time()}
        ended = [key for key in document if not document[key]["active"]]
        for oldest in sorted(ended, key=lambda key: float(document[key]["since"]))[:-MOST_DELETED]:
            del document[oldest]
    with clusters.store.changing(CLUSTERS) as document:
        document.pop(cluster.arn, None)
    found = described(clusters, clusters.recorded()[cluster.name])
    set_tags(clusters, cluster.arn, {})
    return {"cluster": found}


def list_container_instances(clusters: Clusters, asked: Request) -> Answer:
    """ListContainerInstances: Fargate has none."""
    clusters.one(asked.get("cluster"))
    return {"containerInstanceArns": []}


def describe_container_instances(clusters: Clusters, asked: Request) -> Answer:
    """DescribeContainerInstances: Fargate has none, so each is missing."""
    cluster = clusters.one(asked.get("cluster"))
    names = limited(asked["containerInstances"], MOST_INSTANCES, "Container Instances")
    before = cluster.arn.replace(":cluster/", ":container-instance/")
    failures = [{"arn": name if ":" in name else f"{before}/{name}", "reason": "MISSING"} for name in names]
    return {"containerInstances": [], "failures": failures}


def described(clusters: Clusters, cluster: Cluster) -> Answer:
    """DescribeClusters' `Cluster`, with what was set of it."""
    states = [task["lastStatus"] for task in cluster.tasks]
    alone = [task["lastStatus"] for task in cluster.tasks if not str(task["group"]).startswith("service:")]
    return {
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": "ACTIVE" if cluster.recorded is None or cluster.recorded.active else "INACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": states.count("RUNNING"),
        # As its services say: a task whose image cannot be had comes and goes, and another one is pending.
        "pendingTasksCount": sum(1 for state in alone if state in ("PROVISIONING", "PENDING", "ACTIVATING"))
        + sum(min(int(one["pendingCount"]), int(one["desiredCount"])) for one in cluster.services),
        "activeServicesCount": len(cluster.services),
        "statistics": _statistics(cluster),
        "attachments": [],
        "settings": [{"name": "containerInsights", "value": "disabled"}],
        "capacityProviders": list(FARGATE_PROVIDERS),
        "defaultCapacityProviderStrategy": [],
        **clusters.store.read(CLUSTERS).get(cluster.arn, {}),
    }


def _statistics(cluster: Cluster) -> list[Answer]:
    """DescribeClusters' `statistics`: counts of tasks and services by launch type, in ECS's order."""
    counts = dict.fromkeys(STATISTICS, 0)
    for task in cluster.tasks:
        state = {"RUNNING": "running", "PROVISIONING": "pending", "PENDING": "pending", "ACTIVATING": "pending"}
        if task["lastStatus"] in state:
            counts[f"{state[task['lastStatus']]}FargateTasksCount"] += 1
    for service in cluster.services:
        counts[f"active{'EC2' if service.get('launchType') == 'EC2' else 'Fargate'}ServiceCount"] += 1
    return [{"name": name, "value": str(value)} for name, value in counts.items()]
