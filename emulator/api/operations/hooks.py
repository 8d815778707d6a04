"""Operations on the PAUSE hooks of deployments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.api.clusters import Clusters
from emulator.api.errors import ApiError, invalid

Request = Mapping[str, Any]
Answer = dict[str, Any]


def continue_service_deployment(clusters: Clusters, asked: Request) -> Answer:
    """ContinueServiceDeployment: the deployment that waits at that hook goes on, or back."""
    arn = asked["serviceDeploymentArn"]
    for cluster in clusters.answering():
        for service in cluster.services:
            for deployment in service["serviceDeployments"]:
                if deployment["serviceDeploymentArn"] == arn:
                    hooks = [hook["hookId"] for hook in deployment.get("lifecycleHookDetails", [])]
                    if asked["hookId"] not in hooks:
                        raise invalid("The lifecycle hook does not await an action.")
                    cluster.agent.answer_hook(service["serviceName"], asked.get("action", "CONTINUE"))
                    return {"serviceDeploymentArn": arn}
    raise ApiError("ServiceDeploymentNotFoundException", "The service deployment was not found.")
