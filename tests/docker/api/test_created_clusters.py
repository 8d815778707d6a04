"""Services and tasks of a cluster that CreateCluster made: they run as in an environment, and go with the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from emulator.api.created import names_of
from tests.docker.api.conftest import api
from tests.docker.kept_networks import left_of
from tests.docker.project import daemon, wait_until

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("created-clusters")]

DEFINITION: dict[str, Any] = {
    "family": "sleeper",
    "networkMode": "bridge",
    "containerDefinitions": [
        {
            "name": "app",
            "image": "busybox:1.37",
            "memory": 64,
            "logConfiguration": {"logDriver": "json-file"},
            "command": ["sh", "-c", 'trap "exit 0" TERM; sleep 3600 & wait'],
            "portMappings": [{"containerPort": 80, "hostPort": 8080}],
        }
    ],
}


class Cluster:
    """A created cluster, by its API. Its name is no other run's."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self.arn = f"arn:aws:ecs:us-east-1:000000000000:cluster/{name}"
        self.ecs: Any = boto3.client(
            "ecs",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.ecs.create_cluster(clusterName=name)

    def service(self) -> dict[str, Any]:
        [found] = self.ecs.describe_services(cluster=self.name, services=["s"])["services"]
        return dict(found)

    def tasks(self) -> list[str]:
        return list(self.ecs.list_tasks(cluster=self.name, serviceName="s")["taskArns"])

    def described(self, arns: list[str]) -> list[dict[str, Any]]:
        return list(self.ecs.describe_tasks(cluster=self.name, tasks=arns)["tasks"])

    def counts(self) -> tuple[int, int]:
        [found] = self.ecs.describe_clusters(clusters=[self.name])["clusters"]
        return found["runningTasksCount"], found["activeServicesCount"]

    def wait(self, waiter: str, **what: Any) -> None:
        self.ecs.get_waiter(waiter).wait(cluster=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 90}, **what)

    def left(self) -> str:
        """What Docker has of its environment."""
        only = {"label": f"copilot-local.app={names_of(self.arn).app}"}
        with daemon() as client:
            containers = [row["Names"][0] for row in client.containers(all=True, filters=only)]
            networks = left_of(client, [row["Name"] for row in client.networks(filters=only)])
            volumes = [row["Name"] for row in client.volumes(filters=only)["Volumes"] or []]
        return " ".join([*containers, *networks, *volumes])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose service `s` has one steady task."""
    folder: Path = tmp_path_factory.mktemp("created")
    with api(folder, folder / "data") as url:
        found = Cluster(url, f"cl-{folder.parent.parent.name[-6:]}-{folder.stat().st_ino}".lower())
        found.ecs.register_task_definition(**DEFINITION)
        made = found.ecs.create_service(cluster=found.name, serviceName="s", taskDefinition="sleeper", desiredCount=1)[
            "service"
        ]
        assert made["clusterArn"] == found.arn
        assert (made["desiredCount"], made["runningCount"]) == (1, 1), "the answer waits for what it made"
        yield found
    assert found.left() == "", "the API's end leaves nothing"


def test_it_is_scaled_replaced_and_counted(cluster: Cluster) -> None:
    ecs, name = cluster.ecs, cluster.name

    def counted() -> tuple[int, int, tuple[int, int]]:
        return len(cluster.tasks()), cluster.service()["runningCount"], cluster.counts()

    wait_until(lambda: counted() == (1, 1, (1, 1)), lambda: str(counted()))
    assert ecs.update_service(cluster=name, service="s", desiredCount=2)["service"]["runningCount"] == 2
    wait_until(lambda: counted() == (2, 2, (2, 1)), lambda: str(counted()))
    ecs.update_service(cluster=name, service="s", desiredCount=1)
    [before] = cluster.tasks()
    second = ecs.register_task_definition(**DEFINITION)["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=name, service="s", taskDefinition="sleeper")
    [new] = cluster.described(cluster.tasks())
    assert (new["taskDefinitionArn"], new["lastStatus"], new["clusterArn"]) == (second, "RUNNING", cluster.arn)
    cluster.wait("tasks_stopped", tasks=[before])
    said = [event["message"] for event in cluster.service()["events"]]
    assert any("the launch type EC2 is not on this machine: tasks run as on Fargate" in one for one in said)
    ecs.update_service(cluster=name, service="s", desiredCount=0)
    assert cluster.tasks() == [], "none is to run"
    cluster.wait("services_stable", services=["s"])


def test_a_task_runs_in_the_answer_and_to_its_exit_code(cluster: Cluster) -> None:
    [runs] = cluster.ecs.run_task(cluster=cluster.name, taskDefinition="sleeper")["tasks"]
    assert (runs["lastStatus"], runs["desiredStatus"]) == ("RUNNING", "RUNNING")
    cluster.ecs.stop_task(cluster=cluster.name, task=runs["taskArn"])
    command = {"name": "app", "command": ["sh", "-c", "exit 7"]}
    [task] = cluster.ecs.run_task(
        cluster=cluster.name, taskDefinition="sleeper", overrides={"containerOverrides": [command]}
    )["tasks"]
    cluster.wait("tasks_stopped", tasks=[task["taskArn"]])
    [stopped] = cluster.described([task["taskArn"]])
    assert (stopped["stopCode"], stopped["containers"][0]["exitCode"]) == ("EssentialContainerExited", 7)


def test_an_image_that_cannot_be_had_is_known_after_the_answer(cluster: Cluster) -> None:
    ecs, name = cluster.ecs, cluster.name
    lacking = {**DEFINITION["containerDefinitions"][0], "image": "registry.invalid/nothing:1"}
    ecs.register_task_definition(**{**DEFINITION, "family": "lacking", "containerDefinitions": [lacking]})
    wanted = {"cluster": name, "serviceName": "lacking", "taskDefinition": "lacking", "desiredCount": 2}
    [deployment] = ecs.create_service(**wanted)["service"]["deployments"]
    assert (deployment["rolloutState"], deployment["pendingCount"]) == ("IN_PROGRESS", 2)
    assert deployment["runningCount"] == 0

    def failed() -> bool:
        [service] = ecs.describe_services(cluster=name, services=["lacking"])["services"]
        return bool(service["deployments"][0]["failedTasks"])

    wait_until(failed, "a task that fails")
    ecs.delete_service(cluster=name, service="lacking", force=True)


def test_deletions_leave_nothing(cluster: Cluster) -> None:
    other = Cluster(cluster.ecs.meta.endpoint_url, f"{cluster.name}-b")
    made = other.ecs.create_service(cluster=other.name, serviceName="s", taskDefinition="sleeper", desiredCount=1)
    assert made["service"]["status"] == "ACTIVE"
    other.wait("services_stable", services=["s"])
    tasks = other.tasks()
    other.ecs.delete_service(cluster=other.name, service="s", force=True)
    assert other.tasks() == []
    other.wait("tasks_stopped", tasks=tasks)
    other.wait("services_inactive", services=["s"])
    assert other.ecs.delete_cluster(cluster=other.name)["cluster"]["status"] == "INACTIVE"
    wait_until(lambda: other.left() == "", other.left)
