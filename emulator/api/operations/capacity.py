"""Capacity providers. Fargate's two are always there; those of Auto Scaling groups are kept, without effect: this
machine has no instances.

Source: the ECS API reference (CapacityProvider, AutoScalingGroupProvider, ManagedScaling: their defaults and limits).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from emulator.api.arns import named, sought
from emulator.api.clusters import CLUSTERS, FARGATE_PROVIDERS, Clusters
from emulator.api.errors import client_error, invalid, unsupported
from emulator.api.operations.tags import NO_PROVIDER, PROVIDERS, set_tags, with_tags
from emulator.api.paging import page
from emulator.api.shapes import Answer, Request
from emulator.api.tag_rules import changed_tags
from emulator.ecs.identity import ecs_arn

NAME = re.compile(r"(?!aws|ecs|fargate)[A-Za-z0-9_-]{1,255}", re.IGNORECASE)
MOST = 10
SCALING = {
    "status": "DISABLED",
    "targetCapacity": 100,
    "minimumScalingStepSize": 1,
    "maximumScalingStepSize": 10000,
    "instanceWarmupPeriod": 300,
}


def create_capacity_provider(clusters: Clusters, asked: Request) -> Answer:
    """CreateCapacityProvider, of an Auto Scaling group."""
    name = asked["name"]
    if not NAME.fullmatch(name):
        raise invalid(
            "The specified capacity provider name is invalid. Up to 255 letters, numbers, hyphens and underscores are "
            "allowed, and it must not begin with aws, ecs or fargate."
        )
    _refuse_instances_of_ecs(asked)
    if not asked.get("autoScalingGroupProvider", {}).get("autoScalingGroupArn"):
        raise client_error("A capacity provider needs an autoScalingGroupProvider with an autoScalingGroupArn.")
    tags = changed_tags({}, asked.get("tags", ()))
    arn = _arn(clusters, name)
    made = {
        "capacityProviderArn": arn,
        "name": name,
        "status": "ACTIVE",
        "autoScalingGroupProvider": _group({}, asked["autoScalingGroupProvider"]),
        "updateStatus": "CREATE_COMPLETE",
    }
    with clusters.store.changing(PROVIDERS) as document:
        if arn in document:
            raise client_error("The specified capacity provider already exists. To change it, update it instead.")
        document[arn] = made
    set_tags(clusters, arn, tags)
    return {"capacityProvider": {**made, "tags": list(asked.get("tags", ()))}}


def update_capacity_provider(clusters: Clusters, asked: Request) -> Answer:
    """UpdateCapacityProvider: members that are not given stay as they are."""
    _refuse_instances_of_ecs(asked)
    before = _own(clusters, asked["name"])
    group = _group(before["autoScalingGroupProvider"], asked.get("autoScalingGroupProvider", {}))
    changed = {**before, "autoScalingGroupProvider": group, "updateStatus": "UPDATE_COMPLETE"}
    with clusters.store.changing(PROVIDERS) as document:
        document[before["capacityProviderArn"]] = changed
    return {"capacityProvider": changed}


def delete_capacity_provider(clusters: Clusters, asked: Request) -> Answer:
    """DeleteCapacityProvider, of one that no cluster has."""
    found = _own(clusters, asked["capacityProvider"])
    if any(found["name"] in one.get("capacityProviders", ()) for one in clusters.store.read(CLUSTERS).values()):
        raise invalid("The specified capacity provider is in use by a cluster. Remove it from the cluster first.")
    with clusters.store.changing(PROVIDERS) as document:
        document.pop(found["capacityProviderArn"], None)
    set_tags(clusters, found["capacityProviderArn"], {})
    return {"capacityProvider": {**found, "status": "INACTIVE", "updateStatus": "DELETE_COMPLETE"}}


def describe_capacity_providers(clusters: Clusters, asked: Request) -> Answer:
    """DescribeCapacityProviders: Fargate's two, and those that are kept."""
    fargate = [
        {"capacityProviderArn": _arn(clusters, name), "name": name, "status": "ACTIVE"} for name in FARGATE_PROVIDERS
    ]
    known = [*fargate, *providers(clusters)]
    wanted = asked.get("capacityProviders") or [one["name"] for one in known]
    found, failures = sought(known, "capacityProviderArn", wanted, lambda name: _arn(clusters, name))
    pages = page("capacityProviders", with_tags(clusters, found, "capacityProviderArn", asked), asked, default=MOST)
    return {**pages, "failures": failures}


def providers(clusters: Clusters) -> list[Answer]:
    """Those that were created in the region."""
    kept = clusters.store.read(PROVIDERS).values()
    return [one for one in kept if one["capacityProviderArn"] == _arn(clusters, one["name"])]


def refuse_unknown_providers(clusters: Clusters, names: Sequence[str], strategy: Sequence[Request]) -> None:
    """Raises `ApiError` for capacity that is neither Fargate's nor kept."""
    known = {*FARGATE_PROVIDERS, *(one["name"] for one in providers(clusters))}
    used = [one["capacityProvider"] for one in strategy]
    if unknown := sorted({name for name in [*names, *used] if name not in known}):
        raise invalid(f"{NO_PROVIDER} ({', '.join(unknown)})")


def _own(clusters: Clusters, text: str) -> Answer:
    """The kept one that a request names. Raises `ApiError`."""
    found = named(providers(clusters), "capacityProviderArn", text)
    if found is None and text in FARGATE_PROVIDERS:
        raise invalid("The specified capacity provider is reserved and cannot be changed or deleted.")
    if found is None:
        raise invalid(NO_PROVIDER)
    return found


def _refuse_instances_of_ecs(asked: Request) -> None:
    if asked.get("managedInstancesProvider") or asked.get("cluster"):
        raise unsupported("managedInstancesProvider is not on this machine: use FARGATE")


def _group(before: Request, asked: Request) -> Answer:
    """An `AutoScalingGroupProvider` with the values that ECS fills in."""
    scaling = {**SCALING, **before.get("managedScaling", {}), **asked.get("managedScaling", {})}
    return {"managedTerminationProtection": "DISABLED", **before, **asked, "managedScaling": scaling}


def _arn(clusters: Clusters, name: str) -> str:
    return ecs_arn(clusters.region, f"capacity-provider/{name}", clusters.account)
