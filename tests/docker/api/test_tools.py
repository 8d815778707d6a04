"""Tools of pipelines, unmodified, against real containers: AWS CLI, ecs-deploy, luigi. `requirements/tools.sh` installs
them into build/tools."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.docker.api.conftest import Pipeline

TOOLS = Path(__file__).parents[3] / "build" / "tools" / "bin"
pytestmark = [
    pytest.mark.docker,
    pytest.mark.xdist_group("pipeline"),
    pytest.mark.skipif(not (TOOLS / "aws").exists(), reason="requirements/tools.sh installs the tools"),
]
LUIGI = """
import sys
import luigi
from luigi.contrib.ecs import ECSTask

class Task(ECSTask):
    task_def_arn, cluster = sys.argv[1:3]
    command = [{"name": "web", "command": ["sh", "-c", "exit 5"]}]

task = Task()
task.run()
print(task.ecs_task_ids[0])
"""


def tool(pipeline: Pipeline, *words: str, code: int = 0) -> str:
    """What a tool prints; `code` is what it has to end with."""
    variables = {**os.environ, **pipeline.variables, "AWS_PAGER": "", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [str(TOOLS / words[0]), *words[1:]], capture_output=True, text=True, timeout=240, check=False, env=variables
    )
    assert done.returncode == code, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def aws(pipeline: Pipeline, operation: str, *words: str) -> Any:
    """An operation of `aws ecs`, and what it answers."""
    text = tool(pipeline, "aws", "ecs", operation, *words, "--output", "json")
    return json.loads(text) if text.strip() else {}


class TestTheAwsCli:
    def test_reads(self, pipeline: Pipeline) -> None:
        cluster = ("--cluster", pipeline.cluster)
        identity = json.loads(tool(pipeline, "aws", "sts", "get-caller-identity", "--output", "json"))
        assert identity["Account"] == "000000000000"
        assert any(arn.endswith(f"/{pipeline.cluster}") for arn in aws(pipeline, "list-clusters")["clusterArns"])
        [described] = aws(pipeline, "describe-clusters", "--clusters", pipeline.cluster)["clusters"]
        assert described["status"] == "ACTIVE"
        services = aws(pipeline, "list-services", *cluster)["serviceArns"]
        assert services
        [web] = aws(pipeline, "describe-services", *cluster, "--services", "web")["services"]
        tasks = aws(pipeline, "list-tasks", *cluster, "--service-name", "web")["taskArns"]
        assert aws(pipeline, "describe-tasks", *cluster, "--tasks", *tasks)["failures"] == []
        assert aws(pipeline, "list-container-instances", *cluster)["containerInstanceArns"] == []
        family = web["taskDefinition"].rpartition("/")[2].partition(":")[0]
        assert family in aws(pipeline, "list-task-definition-families")["families"]
        assert aws(pipeline, "list-task-definitions", "--family-prefix", family)["taskDefinitionArns"]
        found = aws(pipeline, "describe-task-definition", "--task-definition", family, "--include", "TAGS")
        assert found["taskDefinition"]["family"] == family

    def test_registers_runs_and_deletes(self, pipeline: Pipeline) -> None:
        cluster = ("--cluster", pipeline.cluster)
        container = {
            "name": "app",
            "image": "busybox:1.37",
            "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 99 & wait"],
        }
        arn = aws(
            pipeline,
            "register-task-definition",
            *("--family", "by-cli", "--cpu", "256", "--memory", "512", "--requires-compatibilities", "FARGATE"),
            *("--container-definitions", json.dumps([container])),
        )["taskDefinition"]["taskDefinitionArn"]
        network = "awsvpcConfiguration={subnets=[subnet-1],assignPublicIp=ENABLED}"
        launch = ("--task-definition", "by-cli", "--launch-type", "FARGATE", "--network-configuration", network)
        [task] = aws(pipeline, "run-task", *cluster, *launch, "--started-by", "cli")["tasks"]
        tool(pipeline, "aws", "ecs", "wait", "tasks-running", *cluster, "--tasks", task["taskArn"])
        aws(pipeline, "stop-task", *cluster, "--task", task["taskArn"], "--reason", "enough")
        tool(pipeline, "aws", "ecs", "wait", "tasks-stopped", *cluster, "--tasks", task["taskArn"])
        made = ("--service-name", "by-cli", "--desired-count", "1")
        created = aws(pipeline, "create-service", *cluster, *launch, *made)["service"]
        assert created["taskDefinition"] == arn
        tool(pipeline, "aws", "ecs", "wait", "services-stable", *cluster, "--services", "by-cli")
        aws(pipeline, "update-service", *cluster, "--service", "by-cli", "--desired-count", "0")
        aws(pipeline, "delete-service", *cluster, "--service", "by-cli", "--force")
        tool(pipeline, "aws", "ecs", "wait", "services-inactive", *cluster, "--services", "by-cli")
        assert (
            aws(pipeline, "deregister-task-definition", "--task-definition", arn)["taskDefinition"]["status"]
            == "INACTIVE"
        )
        assert aws(pipeline, "delete-task-definitions", "--task-definitions", arn)["failures"] == []


class TestEcsDeploy:
    def test_deploys_and_scales(self, pipeline: Pipeline) -> None:
        words = ("ecs", "deploy", pipeline.cluster, "web", "--timeout")
        out = tool(pipeline, *words, "120", "--env", "web", "COLOUR", "purple")
        assert "Deployment successful" in out
        assert pipeline.project.get("/").text == "purple\n"
        assert "Scaling successful" in tool(pipeline, "ecs", "scale", pipeline.cluster, "web", "2", "--timeout", "120")
        assert "Scaling successful" in tool(pipeline, "ecs", "scale", pipeline.cluster, "web", "1", "--timeout", "120")

    def test_rolls_a_broken_image_back(self, pipeline: Pipeline) -> None:
        # Without a circuit breaker: where one rolls back, the tool takes the old tasks for its own.
        with_breaker(pipeline, enable=False)
        before, text = pipeline.service()["taskDefinition"], pipeline.project.get("/").text
        words = ("ecs", "deploy", pipeline.cluster, "web", "--timeout", "15", "--rollback")
        out = tool(pipeline, *words, "--image", "web", "registry.invalid/no/such:3", code=1)
        assert "Deployment failed due to timeout" in out
        assert "Rollback successful" in out
        assert pipeline.project.get("/").text == text
        assert pipeline.service()["taskDefinition"] == before
        with_breaker(pipeline, enable=True)


def with_breaker(pipeline: Pipeline, *, enable: bool) -> None:
    """Says whether the service has a circuit breaker, and waits until it is steady."""
    configuration = {"deploymentCircuitBreaker": {"enable": enable, "rollback": enable}}
    pipeline.ecs.update_service(cluster=pipeline.cluster, service="web", deploymentConfiguration=configuration)
    pipeline.wait("services_stable", services=["web"])
    assert pipeline.service()["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"] is enable


class TestLuigi:
    def test_runs_one_task_to_its_end(self, pipeline: Pipeline) -> None:
        task = tool(pipeline, "python", "-c", LUIGI, pipeline.service()["taskDefinition"], pipeline.cluster).split()[-1]
        [found] = pipeline.ecs.describe_tasks(cluster=pipeline.cluster, tasks=[task])["tasks"]
        assert [(one["lastStatus"], one["exitCode"]) for one in found["containers"]] == [("STOPPED", 5)]
