"""Operations on services and their deployments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from emulator.api.arns import named, sought
from emulator.api.clusters import Cluster, Clusters
from emulator.api.errors import ApiError, invalid, no_service
from emulator.api.operations import placement, unplaced
from emulator.api.operations.begun import await_seen, begin
from emulator.api.operations.creations import deleted, wanted
from emulator.api.operations.orders import IMAGES_WITHIN, needs_order, ordered, refuse_members
from emulator.api.operations.placement import primary
from emulator.api.operations.tags import with_tags
from emulator.api.paging import limited, page
from emulator.api.shapes import Answer, Request
from emulator.ecs.identity import ecs_arn
from emulator.events import discard

MOST_SERVICES = 10
MOST_DEPLOYMENTS = 20
MOST_SECONDS = float("inf")


def list_services(clusters: Clusters, asked: Request) -> Answer:
    """ListServices."""
    cluster = clusters.one(asked.get("cluster"))
    wanted = {key: asked[key] for key in ("launchType", "schedulingStrategy") if key in asked}
    found = sorted(
        service["serviceArn"]
        for service in _shown(clusters, cluster, cluster.services)
        if all(service.get(key) == value for key, value in wanted.items())
    )
    return page("serviceArns", found, asked, default=10)


def describe_services(clusters: Clusters, asked: Request) -> Answer:
    """DescribeServices."""
    cluster = clusters.one(asked.get("cluster"))
    known = [*cluster.services, *deleted(clusters, cluster).values()]
    names = limited(asked["services"], MOST_SERVICES, "Services")
    arn = ecs_arn(clusters.region, "service/", clusters.account)
    found, failures = sought(known, "serviceArn", names, lambda name: f"{arn}{name}")
    found = _shown(clusters, cluster, with_tags(clusters, found, "serviceArn", asked))
    return {"services": found, "failures": failures}


def update_service(clusters: Clusters, asked: Request) -> Answer:
    """UpdateService. The work goes on after the answer."""
    cluster = clusters.one(asked.get("cluster"))
    service = named(cluster.services, "serviceArn", asked["service"])
    if service is None:
        gone = named(deleted(clusters, cluster).values(), "serviceArn", asked["service"])
        raise no_service() if gone is None else ApiError("ServiceNotActiveException", "Service was not ACTIVE.")
    name, count = str(service["serviceName"]), asked.get("desiredCount")
    if count is not None and count < 0:
        raise invalid("desiredCount must not be negative.")
    if cluster.recorded is not None:
        refuse_members(asked)
        unplaced.update(clusters, cluster, service, asked)
        return {"service": unplaced.shown(clusters, placement.placed(clusters, cluster, name, asked))}
    if asked.get("loadBalancers") == service["loadBalancers"]:
        asked = {key: value for key, value in asked.items() if key != "loadBalancers"}  # as tools send what they read
    if needs_order(clusters, cluster, name, asked):
        before = primary(service)
        begin(
            ordered(clusters, cluster, name, asked),
            lambda: primary(_service(cluster.fresh(), name)) != before,
            within=IMAGES_WITHIN,
        )
        return {"service": _service(cluster.fresh(), name)}
    if count is not None and count != service["desiredCount"]:
        begin(
            lambda: cluster.agent.scale({name: count}, discard),
            lambda: bool(_service(cluster.fresh(), name)["desiredCount"] == count),
        )
        await_seen(lambda: _no_more_than(cluster.fresh(), name, count))
    if asked.get("forceNewDeployment"):
        before = primary(service)
        begin(
            lambda: cluster.agent.restart([name], discard),
            lambda: primary(_service(cluster.fresh(), name)) != before,
        )
    return {"service": _service(cluster.fresh(), name)}


def list_service_deployments(clusters: Clusters, asked: Request) -> Answer:
    """ListServiceDeployments, the newest first."""
    service = _service(clusters.one(asked.get("cluster")), asked["service"])
    wanted = asked.get("status") or ()
    created = asked.get("createdAt", {})
    after, before = _seconds(created.get("after", 0)), _seconds(created.get("before", MOST_SECONDS))
    briefs = [
        {**one, "targetServiceRevisionArn": one["targetServiceRevision"]["arn"]}
        for one in service.get("serviceDeployments", ())
        if (not wanted or one["status"] in wanted) and after <= _seconds(one["createdAt"]) <= before
    ]
    return page("serviceDeployments", briefs, asked, default=MOST_DEPLOYMENTS)


def describe_service_deployments(clusters: Clusters, asked: Request) -> Answer:
    """DescribeServiceDeployments."""
    known = {one["serviceDeploymentArn"]: one for one in _deployments(clusters)}
    return _described(known, asked, "serviceDeployments", "serviceDeploymentArns")


def describe_service_revisions(clusters: Clusters, asked: Request) -> Answer:
    """DescribeServiceRevisions: of each deployment, what it brings."""
    known = {one["targetServiceRevision"]["arn"]: _revision(one) for one in _deployments(clusters)}
    return _described(known, asked, "serviceRevisions", "serviceRevisionArns")


def _deployments(clusters: Clusters) -> list[Answer]:
    services = [service for cluster in clusters.answering() for service in cluster.services]
    return [one for service in services for one in service["serviceDeployments"]]


def _described(known: dict[str, Answer], asked: Request, key: str, key_of_arns: str) -> Answer:
    arns = limited(asked[key_of_arns], MOST_DEPLOYMENTS, key_of_arns)
    failures = [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known]
    return {key: [known[arn] for arn in arns if arn in known], "failures": failures}


def _revision(deployment: Answer) -> Answer:
    return {
        "serviceRevisionArn": deployment["targetServiceRevision"]["arn"],
        **{key: deployment[key] for key in ("serviceArn", "clusterArn", "taskDefinition", "createdAt")},
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
    }


def _seconds(time: str | float) -> float:
    """Since the epoch. Raises `ApiError` for a text that is no time."""
    try:
        return datetime.fromisoformat(time).timestamp() if isinstance(time, str) else float(time)
    except ValueError:
        raise ApiError("SerializationException", f"createdAt: {time} is no time") from None


def _shown(clusters: Clusters, cluster: Cluster, services: Sequence[Answer]) -> list[Answer]:
    """Services as they are listed and described."""
    return [unplaced.shown(clusters, one) if cluster.recorded is not None else one for one in services]


def _service(cluster: Cluster, asked: str) -> Answer:
    found = named(cluster.services, "serviceArn", asked)
    if found is None:
        raise no_service()
    return found


def _no_more_than(cluster: Cluster, name: str, count: int) -> bool:
    """Whether no more tasks of a service are to run, unless a deployment goes on."""
    return len(_service(cluster, name)["deployments"]) > 1 or wanted(cluster, name) <= count
