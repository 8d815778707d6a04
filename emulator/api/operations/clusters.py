"""Operations on clusters."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.api.arns import short
from emulator.api.clusters import CLUSTERS, CREATED, DEFAULT, Cluster, Clusters
from emulator.api.errors import ApiError, client_error, invalid
from emulator.api.operations.tags import changed_tags, set_tags, tags_of, with_tags
from emulator.api.paging import page
from emulator.ecs.identity import cluster_arn

Request = Mapping[str, Any]
Answer = dict[str, Any]

SET_AT_CREATION = (
    "settings",
    "configuration",
    "capacityProviders",
    "defaultCapacityProviderStrategy",
    "serviceConnectDefaults",
)
NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
PROVIDERS = ("FARGATE", "FARGATE_SPOT")
MOST_DELETED = 100
"""Deleted clusters that stay describable."""


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
                failures.append({"arn": _arn(clusters, name), "reason": "MISSING"})
            else:
                found.append(described(clusters, deleted))
    return {"clusters": with_tags(clusters, found, "clusterArn", asked), "failures": failures}


def create_cluster(clusters: Clusters, asked: Request) -> Answer:
    """CreateCluster: kept, but nothing runs in it. An environment's, and one that is there, is answered as it is."""
    name = asked.get("clusterName", DEFAULT)
    if not NAME.fullmatch(name):
        raise client_error("Cluster name must have 1 to 255 characters, of letters, digits, hyphens and underscores.")
    refuse_unknown_providers(asked.get("capacityProviders", ()), asked.get("defaultCapacityProviderStrategy", ()))
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
    with clusters.store.changing(CREATED) as document:
        document[cluster.arn] = {"arn": cluster.arn, "active": False, "since": time.time()}
        ended = [key for key in document if not document[key]["active"]]
        for oldest in sorted(ended, key=lambda key: float(document[key]["since"]))[:-MOST_DELETED]:
            del document[oldest]
    found = described(clusters, clusters.recorded()[cluster.name])
    set_tags(clusters, cluster.arn, {})
    return {"cluster": found}


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
        "status": "ACTIVE" if cluster.recorded is None or cluster.recorded.active else "INACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": states.count("RUNNING"),
        "pendingTasksCount": sum(1 for state in states if state in ("PROVISIONING", "PENDING", "ACTIVATING"))
        + (sum(int(one["desiredCount"]) for one in cluster.services) if cluster.recorded is not None else 0),
        "activeServicesCount": len(cluster.services),
        "statistics": [],
        "settings": [{"name": "containerInsights", "value": "disabled"}],
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": [],
        **clusters.store.read(CLUSTERS).get(cluster.arn, {}),
    }


def refuse_unknown_providers(names: Sequence[str], strategy: Sequence[Mapping[str, Any]]) -> None:
    """Raises `ApiError` for capacity that is not Fargate's."""
    used = [one["capacityProvider"] for one in strategy]
    if unknown := sorted({name for name in [*names, *used] if name not in PROVIDERS}):
        raise invalid(f"The specified capacity provider was not found: {', '.join(unknown)}")


def _arn(clusters: Clusters, name: str) -> str:
    return name if ":" in name else cluster_arn(clusters.region, name, clusters.account)
