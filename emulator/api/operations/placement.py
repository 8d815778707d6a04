"""Services of created clusters on this machine: what is recorded of them is handed to the agent of the environment that
their cluster runs in. What cannot run here stays recorded, with the reason in its events."""

from __future__ import annotations

import time
from collections.abc import Callable

from emulator.api.clusters import WAITING, Cluster, Clusters
from emulator.api.created import names_of
from emulator.api.definitions import Definition
from emulator.api.deployment_configuration import deployment_of
from emulator.api.errors import ApiError, unsupported
from emulator.api.host import Order
from emulator.api.operations.begun import POLL, begin, carry_out, refused
from emulator.api.operations.definitions import find
from emulator.api.operations.orders import IMAGES_WITHIN, check
from emulator.api.shapes import Answer, Request
from emulator.api.translation import as_on_fargate
from emulator.ecs.deployment import CircuitBreaker, Deployment
from emulator.ecs.plain import service_of
from emulator.ecs.service import Service
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import CopilotLocalError
from emulator.events import discard
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.state.names import Names

ANEW = frozenset({"deploymentConfiguration", "enableExecuteCommand", "healthCheckGracePeriodSeconds"})
"""Members of an update that only another order carries out."""


def placed(clusters: Clusters, cluster: Cluster, name: str, asked: Request) -> Answer:
    """Has a service run as it is recorded now, after a request that made or changed it; returns it."""
    record, real = dict(clusters.store.read(WAITING)[f"{cluster.arn}/{name}"]), _real(cluster, name)
    if not clusters.runs or not (record["desiredCount"] or real):
        return found(clusters, cluster, name)
    failed: list[str] = []
    count, before = record["desiredCount"], primary(real)
    forced = bool(asked.get("forceNewDeployment")) and real is not None
    same = real is not None and real["taskDefinition"] == record["taskDefinition"] and not ANEW & asked.keys()
    try:
        order = _nothing if same else _ordered(clusters, cluster, record)
    except ApiError as error:
        _say_why(clusters, cluster, name, error.message)
        return found(clusters, cluster, name)
    _say_why(clusters, cluster, name, "")

    def work() -> None:
        try:
            order()
            agent = cluster.fresh().agent
            if same and real is not None and real["desiredCount"] != count:
                agent.scale({name: count}, discard)
            if forced and same:
                agent.restart([name], discard)
        except (ApiError, CopilotLocalError) as error:
            problem = error if isinstance(error, ApiError) else refused(error)
            _say_why(clusters, cluster, name, problem.message)
            failed.append(problem.message)
        except Cancelled:
            failed.append("the API is ending")

    def seen() -> bool:
        now = _real(cluster.fresh(), name)
        as_asked = now is not None and (now["taskDefinition"], now["desiredCount"]) == (record["taskDefinition"], count)
        return bool(failed) or (as_asked and not (forced and primary(now) == before))

    begin(work, seen, within=IMAGES_WITHIN)
    if not (forced and same):  # a new deployment of what runs leaves the counts as they are
        settle(clusters, lambda: bool(failed) or _settled(cluster.fresh(), name))
    return found(clusters, cluster, name)


def settle(clusters: Clusters, done: Callable[[], bool]) -> None:
    """Waits before an answer until what it began is done, where the API was started so."""
    until = time.monotonic() + clusters.settle
    while time.monotonic() < until and not done():
        time.sleep(POLL)


def found(clusters: Clusters, cluster: Cluster, name: str) -> Answer:
    """A service of a created cluster as it is now."""
    return next(one for one in clusters.one(cluster.arn).services if one["serviceName"] == name)


def order_to(clusters: Clusters, cluster: Cluster, definition: Definition, service: Service, **more: object) -> Order:
    """An order to the environment of a created cluster; `more` are further fields of its `DesiredService`."""
    updates = {"revision": definition.revision, "registered": True, **more}
    environment = names_of(cluster.arn)
    return Order(environment, service, clusters.region, updates, account=clusters.account, cluster=cluster.name)


def service_asked(names: Names, model: TaskDefinition, asked: Request, count: int) -> Service:
    """The service of that definition that a creation asks for. Raises `ApiError`."""
    deployment = Deployment(circuit_breaker=CircuitBreaker(enable=False, rollback=False))
    update: dict[str, object] = {
        "name": asked["serviceName"],
        "desired_count": count,
        "execute_command": asked.get("enableExecuteCommand", False),
        "health_check_grace_period": asked.get("healthCheckGracePeriodSeconds", 0),
        "deployment": deployment_of(asked.get("deploymentConfiguration", {}), deployment),
    }
    return plain_service(names, model).model_copy(update=update)


def plain_service(names: Names, model: TaskDefinition) -> Service:
    """A service of that definition, behind no load balancer."""
    service = service_of(model, app=names.app, environment=names.environment, path="")
    return service.model_copy(update={"target_groups": [], "listener_rules": []})


def _ordered(clusters: Clusters, cluster: Cluster, record: Answer) -> Callable[[], None]:
    """What hands a service to the agent. Raises `ApiError` with why it cannot run here."""
    _refuse(record)
    definition = find(clusters, record["taskDefinition"])
    count = record["desiredCount"]
    had = max(count, 1)  # images are had for what runs later too
    service = service_asked(names_of(cluster.arn), as_on_fargate(definition), record, had)
    check(service)
    order = order_to(clusters, cluster, definition, service, from_api=True, count=count)
    return carry_out(lambda: clusters.host.prepared(order))


def _refuse(record: Answer) -> None:
    if not record.get("taskDefinition"):
        raise unsupported("the service has no task definition.")
    if record.get("loadBalancers"):
        raise unsupported("loadBalancers: a target group of this machine belongs to the service of a manifest.")
    if record.get("launchType") == "EXTERNAL":
        raise unsupported("the launch type EXTERNAL is not on this machine.")
    if record.get("schedulingStrategy") == "DAEMON":
        raise unsupported("the scheduling strategy DAEMON is not on this machine: use REPLICA.")


def _say_why(clusters: Clusters, cluster: Cluster, name: str, why: str) -> None:
    """Keeps why a service cannot run, unless it was deleted meanwhile."""
    with clusters.store.changing(WAITING) as document:
        if (kept := document.get(f"{cluster.arn}/{name}")) is not None:
            kept["why"] = why


def _real(cluster: Cluster, name: str) -> Answer | None:
    """The service as the agent describes it, if it does."""
    return next((one for one in cluster.real_services() if one["serviceName"] == name), None)


def primary(service: Answer | None) -> str:
    """The id of a service's PRIMARY deployment; empty where there is none."""
    deployments = service["deployments"] if service is not None else ()
    return next((str(one["id"]) for one in deployments if one["status"] == "PRIMARY"), "")


def _settled(cluster: Cluster, name: str) -> bool:
    """Whether a service runs as it should and nothing of it goes away, or its tasks fail, or will: ECS answers before
    it knows that an image cannot be had."""
    service = _real(cluster, name)
    if service is None:
        return False
    if service["desiredCount"] and _lacks_image(cluster, name):
        return True
    left = [one for one in cluster.tasks if one["group"] == f"service:{name}" and one["lastStatus"] != "STOPPED"]
    steady = len(service["deployments"]) == 1 and service["runningCount"] == service["desiredCount"] == len(left)
    return steady or any(one["failedTasks"] for one in service["deployments"])


def _lacks_image(cluster: Cluster, name: str) -> bool:
    """Whether an image of a service could not be had: its container has the name of it in place of an id."""
    desired = cluster.state.services.get(name)
    return desired is not None and not all(image.startswith("sha256:") for image in desired.options.images.values())


def _nothing() -> None:
    """The agent has the service as it is."""
