"""RunTask: tasks that run by themselves to their end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence

from emulator.api.arns import short
from emulator.api.clusters import CLUSTERS, Cluster, Clusters
from emulator.api.created import names_of
from emulator.api.definitions import Definition
from emulator.api.errors import ApiError, client_error, invalid, unsupported
from emulator.api.host import Order
from emulator.api.operations import tokens, unplaced
from emulator.api.operations.begun import POLL, carry_out
from emulator.api.operations.definitions import find_for
from emulator.api.operations.orders import (
    IMAGES_WITHIN,
    check,
    refuse_inactive,
    refuse_launch,
    refuse_members,
    refuse_other_than_fargate,
)
from emulator.api.operations.placement import order_to, plain_service, settle
from emulator.api.operations.tags import set_tags
from emulator.api.overrides import described, overridden
from emulator.api.shapes import Answer, Request
from emulator.api.tag_rules import listed, tags_of_task
from emulator.api.translation import as_on_fargate, images_of, inherited, model_of
from emulator.ecs.fargate import registered_size
from emulator.ecs.identity import new_task_id
from emulator.ecs.service import Service
from emulator.ecs.task_definition import TaskDefinition
from emulator.runtime.state.desired import DesiredService

MOST_TASKS = 10
LAUNCH_TYPES = ("EC2", "FARGATE", "EXTERNAL")
_PLAIN: dict[str, object] = {
    "target_groups": [],
    "listener_rules": [],
    "network_listeners": [],
    "discovery": None,
    "connect": None,
    "schedule": None,
    "scaling": None,
    "queues": [],
    "topics": [],
    "subscriptions": [],
}


def run_task(clusters: Clusters, asked: Request) -> Answer:
    """RunTask. It answers once images are here; the tasks are PROVISIONING then."""
    count = asked.get("count", 1)
    if not 1 <= count <= MOST_TASKS:
        raise invalid(f"count must be between 1 and {MOST_TASKS}.")
    refuse_contradictions(asked)
    cluster = clusters.one(asked.get("cluster"))
    asked = with_default_strategy(clusters, cluster, asked)
    refuse_members(asked)
    if cluster.recorded is not None and not clusters.runs:
        return {"tasks": unplaced.run(clusters, cluster, asked, count), "failures": []}
    definition = find_for(clusters, cluster, asked["taskDefinition"])
    refuse_inactive(definition)
    if cluster.recorded is not None:
        return _run(clusters, cluster, definition, asked, count, _order_to_created)
    refuse_launch(asked)
    refuse_other_than_fargate(definition)
    return _run(clusters, cluster, definition, asked, count, _order)


_STARTED = ("RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED")
Ordering = Callable[[Clusters, Cluster, Definition, Request], tuple[Order, TaskDefinition]]


def _order_to_created(
    clusters: Clusters, cluster: Cluster, definition: Definition, asked: Request
) -> tuple[Order, TaskDefinition]:
    """The order of a run in a created cluster, and its definition; tasks of every launch type run as on Fargate."""
    if asked.get("launchType") == "EXTERNAL":
        raise unsupported("the launch type EXTERNAL is not on this machine: use FARGATE")
    run = overridden(as_on_fargate(definition), asked.get("overrides", {}))
    service = plain_service(names_of(cluster.arn), run).model_copy(update=_PLAIN)
    check(service)
    return order_to(clusters, cluster, definition, service), run


def _order(_: Clusters, cluster: Cluster, definition: Definition, asked: Request) -> tuple[Order, TaskDefinition]:
    """The order of a run in an environment's cluster, and its definition."""
    current = _current(cluster, definition)
    model = model_of(definition, current)
    run = overridden(model, asked.get("overrides", {}))
    service = _service(cluster, current, run)
    check(service)
    order = Order(
        cluster.agent.names,
        service,
        definition.region,
        {"revision": definition.revision, "registered": True},
        images_of(definition, model, current) if current is not None else {},
        inherited(run, current) if current is not None else {},
    )
    return order, run


def _run(
    clusters: Clusters, cluster: Cluster, definition: Definition, asked: Request, count: int, ordering: Ordering
) -> Answer:
    """Starts the tasks, unless a request of that token has."""
    order, run = ordering(clusters, cluster, definition, asked)
    tags = tags_of_task(definition.tags, asked)
    told = json.dumps(_told(definition, run, asked, tags))
    new = [new_task_id() for _ in range(count)]
    tasks = tokens.claimed(clusters, asked, new)
    if tasks != new:
        return {"tasks": _begun(cluster, tasks), "failures": []}
    try:
        carry_out(lambda: clusters.host.task(order, tasks, told)())
    except ApiError:
        tokens.forget(clusters, asked)
        raise
    begun = _begun(cluster, tasks)
    for one in begun:
        set_tags(clusters, one["taskArn"], tags)
    if cluster.recorded is not None:
        settle(clusters, lambda: all(one["lastStatus"] in _STARTED for one in _begun(cluster, tasks)))
        begun = _begun(cluster, tasks)
    return {"tasks": begun, "failures": []}


def _begun(cluster: Cluster, ids: Sequence[str]) -> list[Answer]:
    """The tasks of these ids. Those of a request that was sent again may still wait for their images: it is waited for
    them."""
    until = time.monotonic() + IMAGES_WITHIN
    while True:
        known = {short(task["taskArn"]): task for task in cluster.fresh().tasks}
        if all(one in known for one in ids) or time.monotonic() > until:
            return [known[one] for one in ids if one in known]
        time.sleep(POLL)


def with_default_strategy(clusters: Clusters, cluster: Cluster, asked: Request) -> Request:
    """The request with the capacity providers that its cluster has for requests that name no capacity."""
    strategy = clusters.store.read(CLUSTERS).get(cluster.arn, {}).get("defaultCapacityProviderStrategy")
    if not strategy or asked.get("launchType") or asked.get("capacityProviderStrategy"):
        return asked
    return {**asked, "capacityProviderStrategy": strategy}


def refuse_contradictions(asked: Request) -> None:
    """Raises `ApiError` for a capacity that ECS takes in no cluster, and for an incomplete network."""
    launch, strategy = asked.get("launchType"), asked.get("capacityProviderStrategy")
    if launch is not None and launch not in LAUNCH_TYPES:
        raise invalid(f"launch type should be one of [{','.join(LAUNCH_TYPES)}]")
    if launch is not None and strategy:
        raise invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )
    network = asked.get("networkConfiguration", {}).get("awsvpcConfiguration")
    if network is not None and not network.get("subnets"):
        raise invalid("subnets can not be empty.")


def _current(cluster: Cluster, definition: Definition) -> DesiredService | None:
    """The service that runs on a revision of that family, whose values and images a run has too."""
    services = cluster.state.services.values()
    return next((one for one in services if one.service.task_definition.family == definition.family), None)


def _service(cluster: Cluster, current: DesiredService | None, model: TaskDefinition) -> Service:
    if current is not None:
        main = current.service.main_container
        containers = [one.name for one in model.container_definitions]
        update = {"task_definition": model, "main_container": main if main in containers else containers[0]}
        return current.service.model_copy(update={**_PLAIN, **update, "desired_count": 1})
    return plain_service(cluster.agent.names, model).model_copy(update=_PLAIN)


def _told(definition: Definition, run: TaskDefinition, asked: Request, tags: Mapping[str, str]) -> Answer:
    """What DescribeTasks says of the tasks beside what their containers say."""
    group = asked.get("group", f"family:{definition.family}")
    if group.startswith("service:"):
        raise invalid("group must not begin with service:")
    if len(started_by := asked.get("startedBy", "")) > 128:
        raise client_error("startedBy must not be longer than 128 characters.")
    found: Answer = {
        "group": group,
        "overrides": described(run, asked.get("overrides", {})),
        "tags": listed(tags),
        "enableExecuteCommand": asked.get("enableExecuteCommand", False),
        "cpu": None,
        "memory": None,
        **registered_size(run.cpu, run.memory),
    }
    if run.ephemeral_storage is not None:
        found["ephemeralStorage"] = {"sizeInGiB": run.ephemeral_storage.size_in_gi_b}
    if started_by:
        found["startedBy"] = started_by
    if strategy := asked.get("capacityProviderStrategy"):
        found |= {"capacityProviderName": strategy[0]["capacityProvider"], "launchType": None}
    return found
