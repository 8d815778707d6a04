"""A pipeline's deployments by the ECS API: real containers are replaced, and a broken one leaves the old ones."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import WaiterError

from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from tests.docker.api.conftest import Pipeline

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("pipeline")]


def test_a_registered_definition_replaces_the_tasks_and_the_manifests_can_be_gone_back_to(pipeline: Pipeline) -> None:
    """Also where its content is the same: its ARN is not."""
    ecs = pipeline.ecs
    pipeline.up().ok()  # a tool may have deregistered the manifest's
    manifest = pipeline.service()["taskDefinition"]
    wanted = pipeline.definition(environment=[{"name": "COLOUR", "value": "green"}])
    first = ecs.register_task_definition(**wanted)["taskDefinition"]["taskDefinitionArn"]
    answer = ecs.update_service(cluster=pipeline.cluster, service="web", taskDefinition=first)["service"]
    assert (answer["taskDefinition"], len(answer["deployments"])) == (first, 2)
    pipeline.wait("services_stable", services=["web"])
    serves(pipeline, "green\n")
    again = ecs.register_task_definition(**wanted)["taskDefinition"]["taskDefinitionArn"]
    assert again != first
    ecs.update_service(cluster=pipeline.cluster, service="web", taskDefinition=again)
    pipeline.wait("services_stable", services=["web"])
    arns = ecs.list_tasks(cluster=pipeline.cluster, serviceName="web")["taskArns"]
    assert [one["taskDefinitionArn"] for one in ecs.describe_tasks(cluster=pipeline.cluster, tasks=arns)["tasks"]] == [
        again
    ]
    ecs.update_service(cluster=pipeline.cluster, service="web", taskDefinition=manifest)
    pipeline.wait("services_stable", services=["web"])
    serves(pipeline, "red\n")


def serves(pipeline: Pipeline, text: str) -> None:
    wait_until(lambda: pipeline.project.get("/").text == text, lambda: str(pipeline.service()))


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


DEAF = 'trap "exit 0" TERM; sleep 3600 & wait'
"""It runs, and never listens."""


def test_tasks_that_never_listen_trip_the_circuit_breaker(pipeline: Pipeline) -> None:
    """The load balancer's checks fail once the grace period is over: the scheduler stops and counts such tasks. `up`
    and all that tells of it say so alike."""
    ecs, project, before = pipeline.ecs, pipeline.project, pipeline.service()["taskDefinition"]
    manifest = (project.folder / "copilot/web/manifest.yml").read_text()
    try:
        project.edit("copilot/web/manifest.yml", "echo $COLOUR > /index.html; httpd -f -p 8080 -h / & wait", DEAF)
        result = pipeline.up()
    finally:
        project.write("copilot/web/manifest.yml", manifest)
    assert result.code == 1
    for number in (1, 2, 3):
        assert f"nothing listens on port 8080 of web ({number} of 3 failed tasks)" in result.out + result.err
    assert "the deployment of web failed, rolled back to revision" in result.err
    assert project.answers("/")
    pipeline.wait("services_stable", services=["web"])
    rolled_back = "ROLLBACK_SUCCESSFUL"
    wait_until(lambda: newest_deployment(pipeline)["status"] == rolled_back, lambda: str(newest_deployment(pipeline)))
    assert pipeline.service()["taskDefinition"] == before
    failed = newest_deployment(pipeline)
    told_of_deaf_tasks(pipeline, pipeline.service()["events"], failed)
    [inspected] = json.loads(project.run("inspect", "-e", "test").ok().out)["services"]
    told_of_deaf_tasks(pipeline, inspected["events"], inspected["serviceDeployments"][0])
    assert any("3 failed: nothing listens on port 8080 of web" in line for line in project.ps()["failures"])
    reason = f"Task failed ELB health checks in (target-group {target_group(pipeline)})"
    revision = failed["targetServiceRevision"]["arn"]
    [deaf] = ecs.describe_service_revisions(serviceRevisionArns=[revision])["serviceRevisions"]
    tasks = ecs.list_tasks(cluster=pipeline.cluster, desiredStatus="STOPPED")["taskArns"]
    stopped = ecs.describe_tasks(cluster=pipeline.cluster, tasks=tasks)["tasks"]
    of_it = [one["stoppedReason"] for one in stopped if one["taskDefinitionArn"] == deaf["taskDefinition"]]
    assert set(of_it) == {reason}
    reasons = [
        event["detail"].get("stoppedReason", "")
        for line in project.run("events", "-e", "test").ok().out.splitlines()
        if (event := json.loads(line))["detail-type"] == "ECS Task State Change"
    ]
    assert reason in reasons


def told_of_deaf_tasks(pipeline: Pipeline, events: list[dict[str, Any]], deployment: dict[str, Any]) -> None:
    """A service's events and its last deployment are ECS's where tasks fail the load balancer's checks."""
    breaker = deployment["deploymentCircuitBreaker"]
    assert (breaker["status"], breaker["failureCount"], breaker["threshold"]) == ("TRIGGERED", 3, 3)
    messages = "\n".join(event["message"] for event in events)
    group = re.escape(target_group(pipeline))
    unhealthy = rf"\(service web\) \(task (\w+)\) \(port 8080\) is unhealthy in \(target-group {group}\) due to "
    assert len(set(re.findall(rf"{unhealthy}\(reason Health checks failed\)\.", messages))) >= 3
    assert "Amazon ECS replaced 1 tasks due to an unhealthy status." in messages
    assert "deployment failed: tasks failed to start." in messages


def target_group(pipeline: Pipeline) -> str:
    return str(pipeline.service()["loadBalancers"][0]["targetGroupArn"])


def newest_deployment(pipeline: Pipeline) -> dict[str, Any]:
    """DescribeServiceDeployments of the last one."""
    briefs = pipeline.ecs.list_service_deployments(cluster=pipeline.cluster, service="web")["serviceDeployments"]
    newest = max(briefs, key=lambda one: one["createdAt"])["serviceDeploymentArn"]
    [found] = pipeline.ecs.describe_service_deployments(serviceDeploymentArns=[newest])["serviceDeployments"]
    return dict(found)


def test_a_stopped_deployment_goes_back(pipeline: Pipeline) -> None:
    ecs, before = pipeline.ecs, pipeline.service()["taskDefinition"]
    check = {"command": ["CMD-SHELL", "false"], "startPeriod": 300}
    arn = ecs.register_task_definition(**pipeline.definition(healthCheck=check))["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=pipeline.cluster, service="web", taskDefinition=arn)
    asked = {"cluster": pipeline.cluster, "service": "web", "status": ["IN_PROGRESS"]}
    [deployment] = [one["serviceDeploymentArn"] for one in ecs.list_service_deployments(**asked)["serviceDeployments"]]
    wait_until(lambda: pipeline.service()["runningCount"] == 2, lambda: str(pipeline.service()))
    # The old task is to run until the new one is steady.
    asked_for_running = ecs.list_tasks(cluster=pipeline.cluster, serviceName="web")["taskArns"]
    definitions = {
        one["taskDefinitionArn"]: (one["lastStatus"], one["desiredStatus"])
        for one in ecs.describe_tasks(cluster=pipeline.cluster, tasks=asked_for_running)["tasks"]
    }
    assert definitions[before] == ("RUNNING", "RUNNING")
    assert arn in definitions
    ecs.stop_service_deployment(serviceDeploymentArn=deployment)
    pipeline.wait("services_stable", services=["web"])
    assert pipeline.service()["taskDefinition"] == before
    assert pipeline.project.answers("/")
    wait_until(lambda: newest_deployment(pipeline)["status"] == "ROLLBACK_SUCCESSFUL", "it is rolled back")
    stopped, by_user = newest_deployment(pipeline), "Service deployment rolled back by user."
    assert stopped["serviceDeploymentArn"] == deployment
    assert stopped["statusReason"] == stopped["rollback"]["reason"] == by_user
    assert stopped["deploymentCircuitBreaker"]["status"] != "TRIGGERED"
    revision = stopped["rollback"]["serviceRevisionArn"]
    [back] = ecs.describe_service_revisions(serviceRevisionArns=[revision])["serviceRevisions"]
    assert back["taskDefinition"] == before
    events = [json.loads(line) for line in pipeline.project.run("events", "-e", "test").ok().out.splitlines()]
    id_ = f"ecs-svc/{stopped['targetServiceRevision']['arn'].rpartition('/')[2]}"
    of_it = [event["detail"] for event in events if event["detail"].get("deploymentId") == id_]
    assert [(one["eventName"], one["reason"]) for one in of_it][1:] == [("SERVICE_DEPLOYMENT_FAILED", by_user)]
    assert "circuit breaker" not in pipeline.service()["deployments"][0]["rolloutStateReason"]
    said = "\n".join(event["message"] for event in pipeline.service()["events"])
    assert f"(deployment {id_}) deployment failed: service deployment rolled back by user." in said
