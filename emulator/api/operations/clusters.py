"""Operations on clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.api.clusters import DEFAULT, Cluster, Clusters
from emulator.api.errors import ApiError
from emulator.api.paging import page

Request = Mapping[str, Any]
Answer = dict[str, Any]


def list_clusters(clusters: Clusters, asked: Request) -> Answer:
    """ListClusters."""
    return page("clusterArns", sorted(one.arn for one in clusters.answering()), asked)


def describe_clusters(clusters: Clusters, asked: Request) -> Answer:
    """DescribeClusters; without names, the default cluster."""
    found, failures = [], []
    for name in asked.get("clusters") or [DEFAULT]:
        try:
            found.append(_described(clusters.one(name)))
        except ApiError:
            failures.append({"arn": name, "reason": "MISSING"})
    return {"clusters": found, "failures": failures}


def list_container_instances(clusters: Clusters, asked: Request) -> Answer:
    """ListContainerInstances: Fargate has none."""
    clusters.one(asked.get("cluster"))
    return {"containerInstanceArns": []}


def list_tags_for_resource(clusters: Clusters, asked: Request) -> Answer:
    """ListTagsForResource: nothing here has tags."""
    del clusters, asked
    return {"tags": []}


def _described(cluster: Cluster) -> Answer:
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
        "settings": [],
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": [],
    }
