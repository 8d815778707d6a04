"""ECS's circuit breaker: each kind of threshold, the way back and none, seen alike in the API, `inspect`, `ps` and
`events`. In the same environment: where a container's variables come from and whose wins, and how a service without
room replaces its task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest

from emulator.api.clusters import Clusters
from emulator.api.serve import serving
from emulator.engine.interface import Engine
from emulator.runtime.control.kept import KeptAgent
from tests.docker.ecs.conftest import FOREVER, IMAGE, agent_of
from tests.docker.project import DockerEvents, MakeProject, Project, docker, wait_until

pytestmark = pytest.mark.docker

BREAKER = "/Resources/Service/Properties/DeploymentConfiguration/DeploymentCircuitBreaker"
ONE = {"Type": "COUNT", "Value": 1}
BREAKERS: dict[str, tuple[int, dict[str, Any]]] = {
    "bounded": (1, {}),
    "stays": (2, {"Rollback": False, "ThresholdConfiguration": {"Type": "UNBOUNDED_PERCENT", "Value": 50}}),
}
"""Service to the number of its tasks, and what a patch changes of its circuit breaker."""
THRESHOLDS = {"bounded": 3, "stays": 1, "fresh": 1}
"""That of `fresh` is a COUNT, so is that of `flaky` below."""
TASKS_FAILED = "ECS deployment circuit breaker: tasks failed to start."
ROLLED_BACK = "Service deployment rolled back because the circuit breaker threshold was exceeded."
OUTCOMES = {
    "stays": ("STOPPED", TASKS_FAILED),
    "fresh": ("ROLLBACK_FAILED", "No rollback candidate was found to run the rollback."),
}
"""Status and reason of the failed deployments that nothing takes the place of."""
CHECKED = "healthcheck: {command: ['CMD-SHELL', 'test -e /ok'], interval: 5s, retries: 10, start_period: 300s}"


def manifest(name: str, count: int, script: str, more: str = "") -> str:
    return (
        f"name: {name}\ntype: Backend Service\ncpu: 256\nmemory: 512\ncount: {count}\n"
        f'image:\n  location: {IMAGE}\n  {more}\ncommand: ["sh", "-c", {json.dumps(script)}]\n'
    )


def define(project: Project, name: str, count: int, breaker: dict[str, Any], script: str, more: str = "") -> None:
    project.write(f"copilot/{name}/manifest.yml", manifest(name, count, script, more))
    if breaker:
        patches = [{"op": "add", "path": f"{BREAKER}/{key}", "value": value} for key, value in breaker.items()]
        project.write(f"copilot/{name}/overrides/cfn.patches.yml", json.dumps(patches))


@pytest.fixture(scope="module")
def project(make_shared_project: MakeProject) -> Project:
    found = make_shared_project("")
    found.write("copilot/.workspace", f"application: {found.app}\n")
    found.write("copilot/environments/test/manifest.yml", "name: test\ntype: Environment\n")
    return found


@pytest.fixture(scope="module")
def agent(project: Project, engine: Engine) -> Iterator[KeptAgent]:
    with closing(agent_of(project, engine)) as found:
        yield found


@pytest.fixture(scope="module")
def shop(project: Project, agent: KeptAgent) -> Project:
    """Services whose first deployment has succeeded."""
    for name, (count, breaker) in BREAKERS.items():
        define(project, name, count, breaker, FOREVER)
    project.run("up", "-d", *BREAKERS).ok()
    wait_until(lambda: states(agent) == dict.fromkeys(BREAKERS, "COMPLETED"), lambda: str(states(agent)))
    return project


@pytest.fixture(scope="module")
def ecs(engine: Engine) -> Iterator[Any]:
    """A client of boto3."""
    with serving(Clusters(engine), 0) as port:
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        yield boto3.client("ecs", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1", **keys)


def services(project: Project) -> dict[str, dict[str, Any]]:
    """What `inspect` prints of those that are broken here."""
    found = json.loads(project.run("inspect", *THRESHOLDS, "-e", "test").ok().out)["services"]
    return {service["serviceName"]: service for service in found}


def states(agent: KeptAgent) -> dict[str, str]:
    """Of the services that are broken here."""
    found = {one["serviceName"]: one["deployments"][0]["rolloutState"] for one in agent.services()}
    return {name: state for name, state in found.items() if name in THRESHOLDS}


def running(project: Project) -> dict[str, set[str]]:
    """Service to the ids of its tasks."""
    found: dict[str, set[str]] = {}
    for container in project.containers():
        if container.task:
            found.setdefault(container.labels["copilot-local.service"], set()).add(container.task)
    return found


def test_a_broken_update_is_rolled_back_at_the_threshold_and_the_old_tasks_stay(
    shop: Project, agent: KeptAgent, ecs: Any
) -> None:
    before = running(shop)
    for name, (count, breaker) in BREAKERS.items():
        define(shop, name, count, breaker, f"echo no settings of {name}; exit 3")
    define(shop, "fresh", 1, {"ThresholdConfiguration": ONE}, "exit 4")
    result = shop.run("up", "-d", *THRESHOLDS)
    assert result.code == 1
    for name in (*BREAKERS, "fresh"):
        after = (
            "rolled back to revision 1" if name in before and name != "stays" else "there is nothing to roll back to"
        )
        assert f"the deployment of {name} failed, {after}" in result.err, result.err
    assert "exited with code" in result.err
    assert running(shop) == before
    rolled_back = {**dict.fromkeys(BREAKERS, "COMPLETED"), "stays": "FAILED", "fresh": "FAILED"}
    wait_until(lambda: states(agent) == rolled_back, lambda: str(states(agent)))
    described = services(shop)
    assert set(described) == set(THRESHOLDS)
    events = [json.loads(line) for line in shop.run("events", "-e", "test").ok().out.splitlines()]
    ps = shop.ps()
    for name, service in described.items():
        failed = service["serviceDeployments"][0]
        assert failed["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
        assert failed["deploymentCircuitBreaker"]["threshold"] == THRESHOLDS[name]
        assert failed["deploymentCircuitBreaker"]["failureCount"] >= THRESHOLDS[name]
        assert (failed["status"], failed["statusReason"]) == OUTCOMES.get(name, ("ROLLBACK_SUCCESSFUL", ROLLED_BACK))
        id_ = f"ecs-svc/{failed['targetServiceRevision']['arn'].rpartition('/')[2]}"
        messages = [event["message"] for event in service["events"]]
        assert f"(service {name}) (deployment {id_}) deployment failed: tasks failed to start." in messages
        of_it = [event["detail"] for event in events if event["detail"].get("deploymentId") == id_]
        assert [one["eventName"] for one in of_it] == ["SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_FAILED"]
        assert of_it[1]["reason"] == TASKS_FAILED
        assert of_the_api(shop, ecs, name, failed["serviceDeploymentArn"]) == of_inspect(service)
        assert any(line.startswith(f"{name}: ") and TASKS_FAILED[:-1] in line for line in ps["failures"])


SAME = ("id", "status", "rolloutState", "rolloutStateReason", "failedTasks", "runningCount", "taskDefinition")
OF_A_DEPLOYMENT = ("status", "statusReason", "deploymentCircuitBreaker")


def of_inspect(service: dict[str, Any]) -> list[Any]:
    """What `inspect` says of a service's deployments and of the last service deployment."""
    last = service["serviceDeployments"][0]
    return [
        [{key: one[key] for key in SAME} for one in service["deployments"]],
        [event["message"] for event in service["events"]],
        {key: last[key] for key in OF_A_DEPLOYMENT},
        last.get("rollback", {}).get("reason"),
    ]


def of_the_api(project: Project, ecs: Any, name: str, deployment: str) -> list[Any]:
    """The same by the ECS API."""
    [service] = ecs.describe_services(cluster=f"{project.app}-test", services=[name])["services"]
    found = ecs.describe_service_deployments(serviceDeploymentArns=[deployment])["serviceDeployments"]
    return of_inspect({**service, "serviceDeployments": found})


def test_a_healthy_task_sets_the_count_back_and_a_first_deployment_stops_at_the_threshold(
    project: Project, agent: KeptAgent
) -> None:
    """Where `ResetOnHealthyTask` is false, one failure less is enough: `unit/agent/test_rollouts.py`."""
    name = "flaky"
    define(project, name, 2, {"ThresholdConfiguration": {"Type": "COUNT", "Value": 2}}, FOREVER, CHECKED)
    project.run("up", "-d", name).ok()

    def one_dies(failed: int) -> None:
        """A task that was never healthy ends, and another one takes its place unless it was one too many."""
        victim = next(name for name in mains() if name not in healthy)
        docker("kill", victim)
        wait_until(lambda: deployment()["failedTasks"] == failed, lambda: json.dumps(deployment()))
        if deployment()["rolloutState"] == "IN_PROGRESS":
            wait_until(lambda: len(mains()) == 2, lambda: str(mains()))

    def mains() -> list[str]:
        found = [one for one in project.containers() if one.labels.get("copilot-local.container") == name]
        return [one.name for one in found if one.state == "running"]

    def described() -> dict[str, Any]:
        return next(one for one in agent.services() if one["serviceName"] == name)

    def deployment() -> dict[str, Any]:
        found: dict[str, Any] = described()["deployments"][0]
        return found

    def failures() -> int:
        return int(described()["serviceDeployments"][0]["deploymentCircuitBreaker"]["failureCount"])

    healthy: list[str] = []
    one_dies(1)
    assert failures() == 1
    healthy.append(mains()[0])
    docker("exec", healthy[0], "touch", "/ok")
    wait_until(lambda: failures() == 0, "the count is set back")
    one_dies(2)
    assert deployment()["rolloutState"] == "IN_PROGRESS"
    one_dies(3)
    assert deployment()["rolloutState"] == "FAILED"
    assert mains() == healthy


RECREATED = f"""\
name: api
type: Backend Service
image:
  location: busybox:1.37
command: ["sh", "-c", "{FOREVER}"]
env_file: api.env
variables:
  BOTH: of the manifest
secrets:
  SECRET: /api/secret
deployment:
  rolling: recreate
"""
ENV_FILE = """# a comment
QUOTED="as it stands" # and this
  INDENTED= kept 
EXPANDED=$HOME ${BOTH}
EQUAL=a=b
BARE
BOTH=of the file
SECRET=of the file
PATH=/of/the/file:/bin
AGAIN=1
AGAIN=2
"""


def test_files_definition_and_secrets_and_a_task_that_is_recreated(project: Project) -> None:
    project.write("copilot/api/manifest.yml", RECREATED)
    project.write("api.env", ENV_FILE)
    project.run("up", "-d", "api", variables={"SECRET": "of the shell"}).ok()
    lines = docker("exec", project.container("api"), "env").splitlines()
    found = dict(line.partition("=")[::2] for line in lines)
    assert {name: found.get(name) for name in ("QUOTED", "  INDENTED", "EXPANDED", "EQUAL", "AGAIN")} == {
        "QUOTED": '"as it stands" # and this',
        "  INDENTED": " kept ",
        "EXPANDED": "$HOME ${BOTH}",
        "EQUAL": "a=b",
        "AGAIN": "2",
    }
    assert "BARE" not in found
    assert (found["BOTH"], found["SECRET"]) == ("of the manifest", "of the shell")
    assert found["PATH"] == "/of/the/file:/bin", "a file wins over the image"
    # A changed variable makes a new task, and `recreate` leaves no room for it beside the old one.
    events = DockerEvents(project)
    project.edit("copilot/api/manifest.yml", "of the manifest", "of the second manifest")
    project.run("up", "-d", "api", variables={"SECRET": "of the shell"}).ok()
    wait_until(lambda: "api" in events.actions("start"), "the start of the new task")
    events.close()
    assert [action for action, name in events.sequence() if name == "api" and action in ("die", "start")] == [
        "die",
        "start",
    ]
