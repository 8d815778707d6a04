"""A pipeline's deployments by the ECS API: real containers are replaced, and a broken one leaves the old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import WaiterError

from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from tests.docker.api.conftest import Pipeline

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("pipeline")]


def test_a_registered_definition_replaces_the_tasks(pipeline: Pipeline) -> None:
    """Also where its content is the same: its ARN is not."""
    ecs = pipeline.ecs
    wanted = pipeline.definition(environment=[{"name": "COLOUR", "value": "green"}])
    first = ecs.register_task_definition(**wanted)["taskDefinition"]["taskDefinitionArn"]
    answer = ecs.update_service(cluster=pipeline.cluster, service="web", taskDefinition=first)["service"]
    assert (answer["taskDefinition"], len(answer["deployments"])) == (first, 2)
    pipeline.wait("services_stable", services=["web"])
    assert pipeline.project.get("/").text == "green\n"
    again = ecs.register_task_definition(**wanted)["taskDefinition"]["taskDefinitionArn"]
    assert again != first
    ecs.update_service(cluster=pipeline.cluster, service="web", taskDefinition=again)
    pipeline.wait("services_stable", services=["web"])
    arns = ecs.list_tasks(cluster=pipeline.cluster, serviceName="web")["taskArns"]
    assert [one["taskDefinitionArn"] for one in ecs.describe_tasks(cluster=pipeline.cluster, tasks=arns)["tasks"]] == [
        again
    ]


def test_secrets_reach_the_tasks_and_no_answer(pipeline: Pipeline) -> None:
    environment = docker("exec", pipeline.project.container("web"), "env")
    assert "TOKEN=correct-horse-battery" in environment
    wanted = pipeline.definition()
    assert [one["name"] for one in wanted["containerDefinitions"][0]["secrets"]] == ["TOKEN"]
    assert "correct-horse-battery" not in str(wanted)


def test_a_broken_image_fails_and_the_old_tasks_go_on_answering(pipeline: Pipeline) -> None:
    ecs, before = pipeline.ecs, pipeline.service()
    wanted = pipeline.definition(image="registry.invalid/no/such:1")
    broken = ecs.register_task_definition(**wanted)["taskDefinition"]["taskDefinitionArn"]
    answer = ecs.update_service(cluster=pipeline.cluster, service="web", taskDefinition=broken)["service"]
    primary = answer["deployments"][0]["id"]
    wait_until(lambda: pipeline.service()["deployments"][0]["id"] != primary, lambda: str(pipeline.service()))
    assert pipeline.project.answers("/")
    pipeline.wait("services_stable", services=["web"])
    after = pipeline.service()
    assert (after["taskDefinition"], len(after["deployments"])) == (before["taskDefinition"], 1)
    assert any("deployment failed: tasks failed to start." in event["message"] for event in after["events"])
    stopped = ecs.list_tasks(cluster=pipeline.cluster, desiredStatus="STOPPED")["taskArns"]
    tasks = ecs.describe_tasks(cluster=pipeline.cluster, tasks=stopped)["tasks"]
    failed = [one for one in tasks if one["taskDefinitionArn"] == broken]
    assert {one["stopCode"] for one in failed} == {"TaskFailedToStart"}
    assert all(
        one["stoppedReason"].startswith(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
            "registry.invalid/no/such:1: "
        )
        for one in failed
    )
    with pytest.raises(WaiterError, match="STOPPED"):
        pipeline.wait("tasks_running", tasks=[failed[0]["taskArn"]])


def test_a_stopped_deployment_goes_back(pipeline: Pipeline) -> None:
    ecs, before = pipeline.ecs, pipeline.service()["taskDefinition"]
    deaf = pipeline.definition(command=["sh", "-c", 'trap "exit 0" TERM; sleep 3600 & wait'])
    arn = ecs.register_task_definition(**deaf)["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=pipeline.cluster, service="web", taskDefinition=arn)
    asked = {"cluster": pipeline.cluster, "service": "web", "status": ["IN_PROGRESS"]}
    [deployment] = [one["serviceDeploymentArn"] for one in ecs.list_service_deployments(**asked)["serviceDeployments"]]
    wait_until(lambda: pipeline.service()["runningCount"] == 2, lambda: str(pipeline.service()))
    ecs.stop_service_deployment(serviceDeploymentArn=deployment)
    pipeline.wait("services_stable", services=["web"])
    assert pipeline.service()["taskDefinition"] == before
    assert pipeline.project.answers("/")
    [stopped] = ecs.describe_service_deployments(serviceDeploymentArns=[deployment])["serviceDeployments"]
    assert stopped["status"] == "ROLLBACK_SUCCESSFUL"


def test_a_definition_of_the_manifest_can_be_gone_back_to(pipeline: Pipeline) -> None:
    family = pipeline.service()["taskDefinition"].rpartition(":")[0]
    pipeline.ecs.update_service(cluster=pipeline.cluster, service="web", taskDefinition=f"{family}:1")
    pipeline.wait("services_stable", services=["web"])
    assert pipeline.project.get("/").text == "red\n"
