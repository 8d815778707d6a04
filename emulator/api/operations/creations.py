"""Services that are created and deleted through the API. Those of manifests come from `up`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.api.arns import named
from emulator.api.clusters import Cluster, Clusters
from emulator.api.definitions import Definition
from emulator.api.elb.model import Balancers
from emulator.api.errors import client_error, invalid, no_service, not_idempotent, unsupported
from emulator.api.host import Order
from emulator.api.operations import placement, unplaced
from emulator.api.operations.begun import await_seen, begin, carry_out
from emulator.api.operations.clusters import NAME
from emulator.api.operations.definitions import find_for
from emulator.api.operations.orders import (
    ECHOED,
    IMAGES_WITHIN,
    check,
    refuse_inactive,
    refuse_launch,
    refuse_members,
    refuse_other_than_fargate,
)
from emulator.api.operations.runs import refuse_contradictions, with_default_strategy
from emulator.api.operations.tags import set_tags
from emulator.api.shapes import Answer, Request
from emulator.api.tag_rules import changed_tags
from emulator.api.translation import model_of
from emulator.ecs.service import Service

DELETED = "deleted-services"
MOST_DELETED = 100
"""Deleted services that stay describable."""
KEPT = (*ECHOED, "roleArn", "tags", "schedulingStrategy", "launchType")


def create_service(clusters: Clusters, asked: Request) -> Answer:
    """CreateService: its tasks are behind no load balancer."""
    cluster = clusters.one(asked.get("cluster"))
    name, count = asked["serviceName"], asked.get("desiredCount", 0)
    _refuse_wrong(asked)
    if cluster.recorded is not None:
        known = any(one["serviceName"] == name for one in cluster.services)
        made = unplaced.create(clusters, cluster, asked, count)
        made = made if known else placement.placed(clusters, cluster, name, asked)
        return {"service": unplaced.shown(clusters, {**made, "events": []})}
    asked = with_default_strategy(clusters, cluster, asked)
    _refuse_in_environment(clusters, asked)
    definition = find_for(clusters, cluster, asked["taskDefinition"])
    refuse_inactive(definition)
    refuse_other_than_fargate(definition)
    tags = changed_tags({}, asked.get("tags", ()))
    service = placement.service_asked(cluster.agent.names, model_of(definition), asked, count)
    echoed = _echoed(asked)
    existing = next((one for one in cluster.services if one["serviceName"] == name), None)
    if existing is not None:
        if not _is_same(cluster, existing, service, definition, echoed):
            raise not_idempotent()
        return {"service": existing}
    check(service)
    updates = {"revision": definition.revision, "registered": True, "from_api": True, "echoed": echoed}
    work = carry_out(lambda: clusters.host.prepared(Order(cluster.agent.names, service, definition.region, updates)))
    begin(work, lambda: _found(cluster, name) is not None, within=IMAGES_WITHIN)
    with clusters.store.changing(DELETED) as document:
        document.pop(_key(cluster, name), None)
    found = _found(cluster, name)
    if found is None:
        raise client_error(f"{name} was not created within {IMAGES_WITHIN:g} s: its images are still being pulled")
    set_tags(clusters, found["serviceArn"], tags)
    return {"service": found}


def _refuse_wrong(asked: Request) -> None:
    """Raises `ApiError` for what no cluster takes."""
    if not NAME.fullmatch(asked["serviceName"]):
        raise invalid("serviceName must have 1 to 255 characters, of letters, digits, hyphens and underscores.")
    if asked.get("launchType") not in (None, "EC2", "FARGATE", "EXTERNAL"):
        raise client_error("launch type should be one of [EC2,FARGATE]")
    refuse_members(asked)
    if asked.get("desiredCount", 0) < 0:
        raise invalid("desiredCount must not be negative.")
    refuse_contradictions(asked)


def _refuse_in_environment(clusters: Clusters, asked: Request) -> None:
    """Raises `ApiError` for what an environment does not run."""
    if "taskDefinition" not in asked:
        raise invalid("TaskDefinition can not be null or empty.")
    refuse_launch(asked)
    if asked.get("schedulingStrategy", "REPLICA") != "REPLICA":
        raise unsupported("the scheduling strategy DAEMON is not on this machine: use REPLICA")
    refuse_load_balancers(clusters, asked.get("loadBalancers", ()))


def _echoed(asked: Request) -> Answer:
    """What is given back without effect."""
    found = {key: asked[key] for key in KEPT if key in asked} | ({"roleArn": asked["role"]} if "role" in asked else {})
    if asked.get("capacityProviderStrategy"):
        found["launchType"] = None
    return found


def refuse_load_balancers(clusters: Clusters, asked: Sequence[Mapping[str, Any]]) -> None:
    """Raises `ApiError` for any: target groups belong to the services of manifests."""
    if not asked:
        return
    known = {arn for _, state in clusters.with_states() for arn in Balancers(state).names_of_groups()}
    for one in asked:
        arn = one.get("targetGroupArn", "")
        if arn and arn not in known:
            raise invalid(f"The target group with targetGroupArn {arn} does not exist.")
    raise unsupported(
        "A target group here belongs to the service of a manifest, so loadBalancers are not taken: a manifest's "
        "`http` puts a service behind one"
    )


def delete_service(clusters: Clusters, asked: Request) -> Answer:
    """DeleteService: DRAINING until its tasks have stopped, then INACTIVE, and describable."""
    cluster = clusters.one(asked.get("cluster"))
    service = named(cluster.services, "serviceArn", asked["service"])
    if service is None:
        gone = named(deleted(clusters, cluster).values(), "serviceArn", asked["service"])
        raise no_service() if gone is None else client_error("Service was not ACTIVE.")
    name = service["serviceName"]
    if service["desiredCount"] and not asked.get("force"):
        raise invalid("The service cannot be stopped while it is scaled above 0.")
    if cluster.recorded is not None:
        unplaced.remove(clusters, cluster, name)
    if cluster.recorded is None or any(one["serviceName"] == name for one in cluster.real_services()):
        carry_out(lambda: cluster.agent.remove_service(name))
        await_seen(lambda: not wanted(cluster.fresh(), name))
    gone = {**service, "desiredCount": 0, "status": "INACTIVE", "deployments": [], "pendingCount": 0}
    gone = gone if cluster.recorded is None else {**gone, "events": []}
    with clusters.store.changing(DELETED) as document:
        document[_key(cluster, name)] = {**gone, "at": time.time()}
        for oldest in sorted(document, key=lambda key: float(document[key]["at"]))[:-MOST_DELETED]:
            del document[oldest]
    if cluster.recorded is not None:
        placement.settle(clusters, lambda: deleted(clusters, cluster.fresh())[name]["status"] == "INACTIVE")
    return {"service": deleted(clusters, cluster.fresh())[name]}


def wanted(cluster: Cluster, name: str) -> int:
    """How many tasks of a service are to run."""
    return sum(1 for one in cluster.tasks if one["group"] == f"service:{name}" and one["desiredStatus"] == "RUNNING")


def deleted(clusters: Clusters, cluster: Cluster) -> dict[str, Answer]:
    """The deleted services of a cluster, by name: DRAINING while tasks of theirs run. One that has not started, such as
    one whose image cannot be had, does not."""
    found = {}
    for key, service in clusters.store.read(DELETED).items():
        if not key.startswith(f"{cluster.arn}/"):
            continue
        name = service["serviceName"]
        own = [one for one in cluster.tasks if one["group"] == f"service:{name}"]
        left = [one for one in own if one["lastStatus"] != "STOPPED" and one.get("startedAt")]
        found[name] = {
            **service,
            "runningCount": sum(1 for one in left if one["lastStatus"] in ("RUNNING", "STOPPING", "DEACTIVATING")),
            "pendingCount": 0,
            "status": "DRAINING" if left else "INACTIVE",
        }
    return found


def _is_same(cluster: Cluster, existing: Answer, service: Service, definition: Definition, echoed: Answer) -> bool:
    """Whether the service that is there is what is asked for: CreateService is idempotent."""
    current = cluster.state.services.get(service.name)
    if current is None or (existing["taskDefinition"], existing["desiredCount"]) != (
        definition.arn,
        service.desired_count,
    ):
        return False
    members = ("execute_command", "health_check_grace_period", "deployment")
    same = all(getattr(current.service, one) == getattr(service, one) for one in members)
    return same and all(current.echoed.get(key) == echoed.get(key) for key in current.echoed.keys() | echoed.keys())


def _found(cluster: Cluster, name: str) -> Answer | None:
    return next((one for one in cluster.fresh().services if one["serviceName"] == name), None)


def _key(cluster: Cluster, name: str) -> str:
    return f"{cluster.arn}/{name}"
