"""Tools of pipelines, unmodified, against real containers: AWS CLI, ecs-deploy, luigi. `requirements/tools.sh` installs
them into build/tools."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Callable, Iterator
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


# Half a second of each command goes into imports and into reading what ECS has: here it is done once.
AWS_CLI = """
import json, os, sys, tempfile
from awscli.clidriver import create_clidriver

driver = create_clidriver()
driver.session.get_component("data_loader").load_service_model("ecs", "service-2")
for line in sys.stdin:
    with tempfile.TemporaryFile("w+") as printed:
        process = os.fork()
        if process == 0:
            for descriptor in (1, 2):
                os.dup2(printed.fileno(), descriptor)
            code = driver.main(json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        _, status = os.waitpid(process, 0)
        printed.seek(0)
        print(json.dumps([os.waitstatus_to_exitcode(status), printed.read()]), flush=True)
"""


def variables(pipeline: Pipeline) -> dict[str, str]:
    return {**os.environ, **pipeline.variables, "AWS_PAGER": "", "PYTHONWARNINGS": "ignore"}


def tool(pipeline: Pipeline, *words: str, code: int = 0) -> str:
    """What a tool prints; `code` is what it has to end with."""
    done = subprocess.run(
        [str(TOOLS / words[0]), *words[1:]],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env=variables(pipeline),
    )
    assert done.returncode == code, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


Aws = Callable[..., Any]


@pytest.fixture(scope="module")
def aws(pipeline: Pipeline) -> Iterator[Aws]:
    """Runs an operation of `aws ecs`, in a process of its own; gives what it answers."""
    with subprocess.Popen(
        [str(TOOLS / "python"), "-c", AWS_CLI],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=variables(pipeline),
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        to, of = server.stdin, server.stdout

        def run(*words: str) -> Any:
            print(json.dumps(["ecs", *words, "--output", "json"]), file=to, flush=True)
            assert select.select([of], [], [], 240)[0], f"{' '.join(words)} does not end"
            code, text = json.loads(of.readline())
            assert code == 0, f"{' '.join(words)}\n{text}"
            return json.loads(text) if text.strip() else {}

        try:
            yield run
        finally:
            server.kill()


class TestTheAwsCli:
    def test_reads(self, pipeline: Pipeline, aws: Aws) -> None:
        cluster = ("--cluster", pipeline.cluster)
        identity = json.loads(tool(pipeline, "aws", "sts", "get-caller-identity", "--output", "json"))
        assert identity["Account"] == "000000000000"
        assert any(arn.endswith(f"/{pipeline.cluster}") for arn in aws("list-clusters")["clusterArns"])
        [described] = aws("describe-clusters", "--clusters", pipeline.cluster)["clusters"]
        assert described["status"] == "ACTIVE"
        services = aws("list-services", *cluster)["serviceArns"]
        assert services
        [web] = aws("describe-services", *cluster, "--services", "web")["services"]
        tasks = aws("list-tasks", *cluster, "--service-name", "web")["taskArns"]
        assert aws("describe-tasks", *cluster, "--tasks", *tasks)["failures"] == []
        assert aws("list-container-instances", *cluster)["containerInstanceArns"] == []
        family = web["taskDefinition"].rpartition("/")[2].partition(":")[0]
        assert family in aws("list-task-definition-families")["families"]
        assert aws("list-task-definitions", "--family-prefix", family)["taskDefinitionArns"]
        found = aws("describe-task-definition", "--task-definition", family, "--include", "TAGS")
        assert found["taskDefinition"]["family"] == family

    def test_registers_runs_and_deletes(self, pipeline: Pipeline, aws: Aws) -> None:
        cluster = ("--cluster", pipeline.cluster)
        container = {
            "name": "app",
            "image": "busybox:1.37",
            "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 99 & wait"],
        }
        arn = aws(
            "register-task-definition",
            *("--family", "by-cli", "--cpu", "256", "--memory", "512", "--requires-compatibilities", "FARGATE"),
            *("--container-definitions", json.dumps([container])),
        )["taskDefinition"]["taskDefinitionArn"]
        network = "awsvpcConfiguration={subnets=[subnet-1],assignPublicIp=ENABLED}"
        launch = ("--task-definition", "by-cli", "--launch-type", "FARGATE", "--network-configuration", network)
        [task] = aws("run-task", *cluster, *launch, "--started-by", "cli")["tasks"]
        aws("wait", "tasks-running", *cluster, "--tasks", task["taskArn"])
        aws("stop-task", *cluster, "--task", task["taskArn"], "--reason", "enough")
        aws("wait", "tasks-stopped", *cluster, "--tasks", task["taskArn"])
        made = ("--service-name", "by-cli", "--desired-count", "1")
        created = aws("create-service", *cluster, *launch, *made)["service"]
        assert created["taskDefinition"] == arn
        aws("wait", "services-stable", *cluster, "--services", "by-cli")
        aws("update-service", *cluster, "--service", "by-cli", "--desired-count", "0")
        aws("delete-service", *cluster, "--service", "by-cli", "--force")
        aws("wait", "services-inactive", *cluster, "--services", "by-cli")
        assert aws("deregister-task-definition", "--task-definition", arn)["taskDefinition"]["status"] == "INACTIVE"
        assert aws("delete-task-definitions", "--task-definitions", arn)["failures"] == []


class TestEcsDeploy:
    def test_deploys_and_scales(self, pipeline: Pipeline) -> None:
        words = ("ecs", "deploy", pipeline.cluster, "web", "--timeout")
        out = tool(pipeline, *words, "120", "--env", "web", "COLOUR", "purple")
        assert "Deployment successful" in out
        assert pipeline.project.get("/").text == "purple\n"
        assert "Scaling successful" in tool(pipeline, "ecs", "scale", pipeline.cluster, "web", "2", "--timeout", "120")
        pipeline.ecs.update_service(cluster=pipeline.cluster, service="web", desiredCount=1)
        pipeline.wait("services_stable", services=["web"])

    def test_rolls_a_broken_image_back(self, pipeline: Pipeline) -> None:
        # Without a circuit breaker: where one rolls back, the tool takes the old tasks for its own.
        with_breaker(pipeline, enable=False)
        before, text = pipeline.service()["taskDefinition"], pipeline.project.get("/").text
        words = ("ecs", "deploy", pipeline.cluster, "web", "--timeout", "5", "--rollback")
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
