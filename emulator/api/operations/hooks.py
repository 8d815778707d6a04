"""Operations on deployments that go on: their PAUSE hooks, and their end before the time."""

from __future__ import annotations

from emulator.api.clusters import Cluster, Clusters
from emulator.api.errors import ApiError, invalid
from emulator.api.operations.begun import carry_out
from emulator.api.shapes import Answer, Request


def continue_service_deployment(clusters: Clusters, asked: Request) -> Answer:
    """ContinueServiceDeployment: the deployment that waits at that hook goes on, or back."""
    cluster, service, deployment = _found(clusters, asked)
    if asked["hookId"] not in [hook["hookId"] for hook in deployment.get("lifecycleHookDetails", [])]:
        raise invalid("The lifecycle hook does not await an action.")
    cluster.agent.answer_hook(service["serviceName"], asked.get("action", "CONTINUE"))
    return {"serviceDeploymentArn": asked["serviceDeploymentArn"]}


def stop_service_deployment(clusters: Clusters, asked: Request) -> Answer:
    """StopServiceDeployment: the service goes back to its last successful deployment, whatever its circuit breaker
    does. It answers before the old tasks are steady."""
    kind = asked.get("stopType", "ROLLBACK")
    if kind != "ROLLBACK":
        raise invalid(f"stopType {kind} is not valid: the valid values are ROLLBACK.")
    cluster, service, deployment = _found(clusters, asked)
    if deployment["status"] != "IN_PROGRESS":
        raise ApiError("ConflictException", f"The service deployment is {deployment['status']}: it cannot be stopped.")
    carry_out(lambda: cluster.agent.stop_deployment(service["serviceName"]))
    return {"serviceDeploymentArn": asked["serviceDeploymentArn"]}


def _found(clusters: Clusters, asked: Request) -> tuple[Cluster, Answer, Answer]:
    """The cluster, the service and the deployment of an ARN."""
    for cluster in clusters.answering():
        for service in cluster.services:
            for deployment in service["serviceDeployments"]:
                if deployment["serviceDeploymentArn"] == asked["serviceDeploymentArn"]:
                    return cluster, service, deployment
    raise ApiError("ServiceDeploymentNotFoundException", "The service deployment was not found.")
