"""Operations on clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.api.clusters import DEFAULT, Cluster, Clusters
from emulator.api.errors import ApiError
from emulator.api.operations.tags import with_tags
from emulator.api.paging import page

Request = Mapping[str, Any]
Answer = dict[str, Any]

CLUSTERS = "cluster-settings"
"""What was set of clusters, by ARN."""


def list_clusters(clusters: Clusters, asked: Request) -> Answer:
    """ListClusters."""
    return page("clusterArns", sorted(one.arn for one in clusters.answering()), asked)


def describe_clusters(clusters: Clusters, asked: Request) -> Answer:
    """DescribeClusters; without names, the default cluster."""
    found, failures = [], []
    for name in asked.get("clusters") or [DEFAULT]:
        try:
            found.append(described(clusters, clusters.one(name)))
        except ApiError:
            failures.append({"arn": name, "reason": "MISSING"})
    return {"clusters": with_tags(clusters, found, "clusterArn", asked), "failures": failures}


def list_container_instances(clusters: Clusters, asked: Request) -> Answer:
    """ListContainerInstances: Fargate has none."""
    clusters.one(asked.get("cluster"))
    return {"containerInstanceArns": []}


def described(clusters: Clusters, cluster: Cluster) -> Answer:
    """DescribeClusters' `Cluster`, with what was set of it."""
    states = [task["lastStatus"] for task in cluster.tasks]
    return {
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": states.count("RUNNING"),
        "pendingTasksCount": sum(1 for state in states if state in ("PROVISIONING", "PENDING", "ACTIVATING")),
        "activeServicesCount": len(cluster.services),
        "statistics": [],
        "tags": [],
        "settings": [{"name": "containerInsights", "value": "disabled"}],
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": [],
        **clusters.store.read(CLUSTERS).get(cluster.arn, {}),
    }
