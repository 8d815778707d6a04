"""Services that a pipeline creates and deletes by the ECS API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.docker.project import docker

if TYPE_CHECKING:
    from tests.docker.api.conftest import Pipeline

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("pipeline")]

SLEEPER: dict[str, Any] = {
    "name": "app",
    "image": "busybox:1.37",
    "command": ["sh", "-c", 'trap "exit 0" TERM; sleep 3600 & wait'],
}
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}


def test_a_service_is_created_scaled_and_deleted(pipeline: Pipeline) -> None:
    ecs, cluster = pipeline.ecs, pipeline.cluster
    definition = ecs.register_task_definition(
        family="sleeper", containerDefinitions=[SLEEPER], requiresCompatibilities=["FARGATE"], cpu="256", memory="512"
    )["taskDefinition"]["taskDefinitionArn"]
    wanted = {
        "cluster": cluster,
        "serviceName": "sleeper",
        "taskDefinition": "sleeper",
        "desiredCount": 1,
        "launchType": "FARGATE",
        "networkConfiguration": NETWORK,
    }
    created = ecs.create_service(**wanted)["service"]
    assert (created["status"], created["taskDefinition"], created["desiredCount"]) == ("ACTIVE", definition, 1)
    assert created["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == ["subnet-1"]
    assert ecs.create_service(**wanted)["service"]["serviceArn"] == created["serviceArn"]
    with pytest.raises(ClientError, match="Creation of service was not idempotent"):
        ecs.create_service(**{**wanted, "desiredCount": 2})
    pipeline.wait("services_stable", services=["sleeper"])
    assert f"cl-{pipeline.project.app}" in docker("ps", "--filter", "label=copilot-local.service=sleeper")
    with pytest.raises(ClientError, match="cannot be stopped while it is scaled above 0"):
        ecs.delete_service(cluster=cluster, service="sleeper")
    gone = ecs.delete_service(cluster=cluster, service="sleeper", force=True)["service"]
    assert gone["status"] in ("DRAINING", "INACTIVE"), "its task may have ended by now"
    assert ecs.list_tasks(cluster=cluster, serviceName="sleeper")["taskArns"] == [], "none is to run"
    pipeline.wait("services_inactive", services=["sleeper"])
    assert pipeline.service("sleeper")["status"] == "INACTIVE"
    assert created["serviceArn"] not in ecs.list_services(cluster=cluster)["serviceArns"]
    with pytest.raises(ClientError, match="Service was not ACTIVE"):
        ecs.update_service(cluster=cluster, service="sleeper", desiredCount=1)


def test_a_manifests_service_is_not_deleted(pipeline: Pipeline) -> None:
    with pytest.raises(ClientError, match="web is a manifest's service"):
        pipeline.ecs.delete_service(cluster=pipeline.cluster, service="web", force=True)
