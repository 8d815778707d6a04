"""BLUE_GREEN, LINEAR and CANARY deployments under load: shares of requests, PAUSE hooks, the way back, nothing lost."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from typing import Any

import boto3
import httpx
import pytest

from emulator.api.clusters import Clusters
from emulator.api.serve import serving
from emulator.engine.connect import connect
from emulator.engine.interface import Engine
from emulator.runtime.control.kept import KeptAgent
from tests.docker.ecs.conftest import IMAGE, agent_of
from tests.docker.project import MakeProject, Project, Running, docker, wait_until

pytestmark = pytest.mark.docker

CONFIGURATION = "/Resources/Service/Properties/DeploymentConfiguration"
BREAKER = {
    "DeploymentCircuitBreaker": {
        "Enable": True,
        "Rollback": True,
        "ThresholdConfiguration": {"Type": "COUNT", "Value": 1},
    }
}
STRATEGIES: dict[str, dict[str, Any]] = {
    "canary": {"Strategy": "CANARY", "CanaryConfiguration": {"CanaryPercent": 20, "CanaryBakeTimeInMinutes": 10}},
    "linear": {"Strategy": "LINEAR", "LinearConfiguration": {"StepPercent": 50, "StepBakeTimeInMinutes": 6}},
    "bluegreen": {"Strategy": "BLUE_GREEN", "BakeTimeInMinutes": 5},
}
PAUSES = {
    "canary": "PRODUCTION_TRAFFIC_SHIFT",
    "linear": "PRODUCTION_TRAFFIC_SHIFT",
    "bluegreen": "POST_PRODUCTION_TRAFFIC_SHIFT",
}
"""Where each deployment waits: so it is seen what share of the requests the new tasks have by then."""
SHARES = {"canary": 0.2, "linear": 0.5, "bluegreen": 1.0}
SAMPLE = 50
EVERY = 20
"""As many requests are asked where all of them have one answer."""


def define(project: Project, name: str, version: int) -> None:
    page = f"/www/{name}/index.html"
    script = f"mkdir -p /www/{name}; echo v{version} > {page}; trap 'exit 0' TERM; httpd -f -p 80 -h /www & wait"
    project.write(
        f"copilot/{name}/manifest.yml",
        f"name: {name}\ntype: Load Balanced Web Service\ncpu: 256\nmemory: 512\ncount: 1\n"
        f"image: {{location: {IMAGE}, port: 80}}\ncommand: {json.dumps(['sh', '-c', script])}\n"
        f"http: {{path: {name}, healthcheck: {{path: /{name}/index.html}}}}\n",
    )
    hooks = {"LifecycleHooks": [{"TargetType": "PAUSE", "LifecycleStages": [PAUSES[name]]}]}
    value = {"MinimumHealthyPercent": 100, "MaximumPercent": 200, **BREAKER, **STRATEGIES[name], **hooks}
    patches = [{"op": "replace", "path": CONFIGURATION, "value": value}]
    project.write(f"copilot/{name}/overrides/cfn.patches.yml", json.dumps(patches))


@pytest.fixture(scope="module")
def empty(make_shared_project: MakeProject) -> Project:
    return make_shared_project("")


@pytest.fixture(scope="module")
def agent(empty: Project, engine: Engine) -> Iterator[KeptAgent]:
    with closing(agent_of(empty, engine)) as found:
        yield found


@pytest.fixture(scope="module")
def project(empty: Project, agent: KeptAgent) -> Project:
    """Three services, one for each strategy, whose first deployment has succeeded."""
    found = empty
    found.write("copilot/.workspace", f"application: {found.app}\n")
    found.write("copilot/environments/test/manifest.yml", "name: test\ntype: Environment\n")
    found.write("copilot-local.toml", "[time]\nbake_time_cap = 1\nderegistration_delay_cap = 2\n")
    for name in STRATEGIES:
        define(found, name, 1)
    found.run("up", "-d", "--wait", "--port", str(found.port)).ok()
    wait_until(lambda: all(one["deployments"][0]["rolloutState"] == "COMPLETED" for one in agent.services()), "success")
    return found


class Load:
    """Requests to every service, one after the other, from now on; what was no answer of a task."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._end = threading.Event()
        self.between = threading.Lock()
        """Held while a request is under way; who holds it asks alone, and sees the shares as they are."""
        self.count = 0
        self.lost: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.is_set():
            for name in STRATEGIES:
                try:
                    with self.between:
                        answer = version(self._project, name)
                except (httpx.HTTPError, AssertionError) as error:
                    answer = str(error)
                self.count += 1
                self._end.wait(0.05)  # who waits for the lock gets it
                if answer not in ("v1", "v2", "v3", "v4"):
                    self.lost.append(f"{name}: {answer}")

    def close(self) -> None:
        self._end.set()
        self._thread.join()


@pytest.fixture
def load(project: Project) -> Iterator[Load]:
    found = Load(project)
    yield found
    found.close()
    assert found.count > len(STRATEGIES)
    assert found.lost == []


@cache
def client() -> httpx.Client:
    """Each request on a connection of its own; a new client for each would take longer than the answer."""
    return httpx.Client(headers={"Connection": "close"}, timeout=20, verify=False)


def version(project: Project, name: str) -> str:
    answer = client().get(f"http://127.0.0.1:{project.port}/{name}/index.html")
    assert answer.status_code == 200, answer.text
    return answer.text.strip()


def sample(project: Project, name: str, count: int = EVERY) -> Counter[str]:
    return Counter(version(project, name) for _ in range(count))


def described(project: Project, name: str) -> dict[str, Any]:
    services = json.loads(project.run("inspect", "-e", "test").ok().out)["services"]
    return next(service for service in services if service["serviceName"] == name)


def newest(agent: KeptAgent, name: str) -> dict[str, Any]:
    """The last service deployment."""
    found: dict[str, Any] = next(one for one in agent.services() if one["serviceName"] == name)["serviceDeployments"][0]
    return found


def until_it_waits(agent: KeptAgent, name: str) -> None:
    """For the answer to its PAUSE hook."""
    wait_until(lambda: "lifecycleHookDetails" in newest(agent, name), lambda: json.dumps(newest(agent, name)))


def until_it_is(agent: KeptAgent, name: str, status: str) -> None:
    wait_until(lambda: newest(agent, name)["status"] == status, lambda: json.dumps(newest(agent, name)))


def update(project: Project, agent: KeptAgent, name: str, number: int) -> Running:
    """Begins a deployment of another version, which comes to its PAUSE hook."""
    define(project, name, number)
    running = project.start("up", "-d", name)
    until_it_waits(agent, name)
    return running


def ends_well(project: Project, agent: KeptAgent, name: str, running: Running) -> None:
    """Once its hook is answered with CONTINUE."""
    running.wait().ok()
    until_it_is(agent, name, "SUCCESSFUL")
    events = [json.loads(line) for line in project.run("events", "-e", "test").ok().out.splitlines()]
    reasons = [one["detail"]["reason"] for one in events if "deploymentId" in one["detail"]]
    assert any(f"in lifecycle stage {PAUSES[name]}" in reason for reason in reasons)
    assert described(project, name)["deploymentConfiguration"]["strategy"] == STRATEGIES[name]["Strategy"]


@pytest.mark.parametrize("name", ["canary", "linear"])
def test_requests_go_over_bit_by_bit_and_none_is_lost(
    project: Project, agent: KeptAgent, load: Load, name: str
) -> None:
    """The command answers the hook of one, the API that of the other. BLUE_GREEN is below."""
    running = update(project, agent, name, 2)
    deployment = described(project, name)["serviceDeployments"][0]
    assert (deployment["status"], deployment["lifecycleStage"]) == ("IN_PROGRESS", PAUSES[name])
    assert deployment["lifecycleHookDetails"][0]["status"] == "AWAITING_ACTION"
    assert deployment["deploymentConfiguration"]["strategy"] == STRATEGIES[name]["Strategy"]
    with load.between:
        counts = sample(project, name, SAMPLE)
    assert abs(counts["v2"] / SAMPLE - SHARES[name]) <= 0.03, counts
    says = "\n".join(project.ps()["failures"])
    assert f"is at {PAUSES[name]}: {100 * SHARES[name]:g} % of the requests go to the new tasks" in says, project.ps()
    if name == "canary":
        project.run("deployment", "continue").ok()
    else:
        continue_by_the_api(deployment)
    ends_well(project, agent, name, running)
    assert sample(project, name) == {"v2": EVERY}


def continue_by_the_api(deployment: dict[str, Any]) -> None:
    arn, hook = deployment["serviceDeploymentArn"], deployment["lifecycleHookDetails"][0]["hookId"]
    with closing(connect()) as engine, serving(Clusters(engine), 0) as port:
        ecs = boto3.client(
            "ecs",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        [found] = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
        assert found["lifecycleStage"] == deployment["lifecycleStage"]
        assert found["deploymentConfiguration"]["strategy"] == deployment["deploymentConfiguration"]["strategy"]
        with pytest.raises(ecs.exceptions.InvalidParameterException, match="does not await"):
            ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId="another")
        answer = ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook)
    assert answer["serviceDeploymentArn"] == arn


def test_a_rollback_that_is_asked_for_leads_every_request_back(project: Project, agent: KeptAgent, load: Load) -> None:
    before = version(project, "bluegreen")
    tasks = project.tasks()
    running = update(project, agent, "bluegreen", 3)
    assert sample(project, "bluegreen") == {"v3": EVERY}
    project.run("deployment", "rollback", "bluegreen").ok()
    result = running.wait()
    assert result.code == 1
    assert "the deployment of bluegreen failed, rolled back to revision" in result.err
    assert "was answered with ROLLBACK" in result.err
    assert sample(project, "bluegreen") == {before: EVERY}
    assert project.tasks() == tasks
    until_it_is(agent, "bluegreen", "ROLLBACK_SUCCESSFUL")


def test_where_a_new_task_fails_meanwhile_requests_go_back_until_another_one_is_steady(
    project: Project, agent: KeptAgent
) -> None:
    """It had been healthy, so the circuit breaker does not count it, and the deployment goes on."""
    tasks = project.tasks()
    running = update(project, agent, "bluegreen", 4)
    [new] = project.tasks() - tasks
    [main] = [one for one in project.containers() if one.task == new and one.name.endswith("-bluegreen")]
    assert version(project, "bluegreen") == "v4"
    docker("kill", main.name)
    running.wait_for("another one takes its place")
    wait_until(lambda: new not in project.tasks(), "it is removed")
    wait_until(lambda: project.tasks() != tasks, "another one takes its place")
    load = Load(project)
    until_it_waits(agent, "bluegreen")
    assert sample(project, "bluegreen") == {"v4": EVERY}
    says = "\n".join(project.ps()["failures"])
    assert f"is at {PAUSES['bluegreen']}: 100 % of the requests go to the new tasks" in says, project.ps()
    project.run("deployment", "continue", "bluegreen").ok()
    ends_well(project, agent, "bluegreen", running)
    load.close()
    assert load.lost == []
    assert sample(project, "bluegreen") == {"v4": EVERY}
    assert len(project.tasks()) == len(tasks)
    assert not project.tasks() & {new}


def test_an_answer_that_no_deployment_waits_for_is_refused(project: Project) -> None:
    result = project.run("deployment", "continue")
    assert result.code == 1
    assert "no deployment waits for an answer" in result.err
    assert "no deployment of linear waits" in project.run("deployment", "continue", "linear").err
