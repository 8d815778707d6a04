"""What runs in a cluster that CreateCluster made, over the agent of its environment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.api.clusters import Clusters
from emulator.api.created import names_of
from emulator.api.host import Host
from emulator.api.serve import serving
from emulator.engine.interface import Engine
from emulator.runtime.planning.up_request import SupportImages
from emulator.setup.store import Store
from tests.unit.agent.rig import Rig
from tests.unit.api.conftest import Api
from tests.unit.runtime.world import AGENT, FRONT, PAUSE, desired_state

ARN = "arn:aws:ecs:us-east-1:000000000000:cluster/own"
Until = Callable[[Callable[[], object]], None]
PLAIN: dict[str, Any] = {
    "family": "plain",
    "networkMode": "bridge",
    "containerDefinitions": [
        {"name": "a", "image": "hello:1", "memory": 128, "portMappings": [{"containerPort": 80, "hostPort": 8080}]}
    ],
}
WANTED: dict[str, Any] = {"cluster": "own", "serviceName": "s", "taskDefinition": "plain", "desiredCount": 2}


@pytest.fixture
def own(folder: Path, tmp_path: Path) -> Iterator[Api]:
    """The API with the created cluster `own`, for which an agent waits for orders."""
    names = names_of(ARN)
    rig = Rig(folder, names)
    update = {"app": names.app, "environment": names.environment, "own_cluster": "own", "acting": True}
    rig.boot(desired_state().model_copy(update=update))
    rig.spawn = lambda work: threading.Thread(target=work, daemon=True).start()
    rig.supervisor.task_runs.spawn = rig.spawn
    threading.Thread(target=rig.monitor.run, daemon=True).start()
    support = SupportImages(PAUSE, FRONT, lambda _: AGENT)
    clusters = Clusters(rig.engine, Host(rig.engine, tmp_path, support), Store(tmp_path / "ecs"))
    try:
        with serving(clusters, 0) as port:
            found = Api(rig, port)
            found.client().create_cluster(clusterName="own")
            found.client().register_task_definition(**PLAIN)
            yield found
    finally:
        rig.close()


def service(api: Api) -> dict[str, Any]:
    [found] = api.client().describe_services(cluster="own", services=["s"])["services"]
    return dict(found)


def runs(api: Api, count: int) -> Callable[[], bool]:
    def seen() -> bool:
        api.rig.supervisor.look()
        api.rig.watch()
        now = service(api)
        return bool((now["runningCount"], now["pendingCount"], len(now["deployments"])) == (count, 0, 1))

    return seen


def test_a_service_runs_and_is_scaled(own: Api, until: Until) -> None:
    ecs = own.client()
    made = ecs.create_service(**WANTED)["service"]
    assert (made["launchType"], made["desiredCount"], made["events"]) == ("EC2", 2, [])
    assert made["runningCount"] + made["pendingCount"] == 2
    until(runs(own, 2))
    tasks = ecs.list_tasks(cluster="own", serviceName="s")["taskArns"]
    assert [arn.rpartition("/")[0] for arn in tasks] == [ARN.replace(":cluster/", ":task/")] * 2
    assert ecs.describe_clusters(clusters=["own"])["clusters"][0]["runningTasksCount"] == 2
    assert "the launch type EC2 is not on this machine" in service(own)["events"][-1]["message"]
    ecs.update_service(cluster="own", service="s", desiredCount=1)
    until(runs(own, 1))
    assert len(ecs.list_tasks(cluster="own", serviceName="s")["taskArns"]) == 1


def test_an_update_is_another_deployment(own: Api, until: Until) -> None:
    ecs = own.client()
    ecs.create_service(**WANTED)
    until(runs(own, 2))
    second = ecs.register_task_definition(**PLAIN)["taskDefinition"]["taskDefinitionArn"]
    updated = ecs.update_service(cluster="own", service="s", taskDefinition="plain")["service"]
    assert updated["taskDefinition"] == second
    primary, before = updated["deployments"]
    assert [one["status"] for one in (primary, before)] == ["PRIMARY", "ACTIVE"]
    assert (primary["taskDefinition"], primary["pendingCount"], before["runningCount"]) == (second, 2, 2)
    assert own.rig.agent.state().services["s"].revision == 2


def test_a_deleted_one_stops(own: Api, until: Until) -> None:
    ecs = own.client()
    ecs.create_service(**WANTED)
    until(runs(own, 2))
    with pytest.raises(ClientError, match="while Services are active"):
        ecs.delete_cluster(cluster="own")
    ecs.delete_service(cluster="own", service="s", force=True)
    assert ecs.list_tasks(cluster="own", serviceName="s")["taskArns"] == []
    assert ecs.list_services(cluster="own")["serviceArns"] == []


def test_it_is_no_environments_cluster(own: Api) -> None:
    ecs = own.client()
    assert ecs.list_clusters()["clusterArns"] == [ARN]
    with pytest.raises(ClientError, match="Cluster not found"):
        ecs.list_services(cluster="default")
    with pytest.raises(ClientError, match="Cluster not found"):
        ecs.list_services(cluster="ecs-own-us-east-1")


def test_what_cannot_run_waits_and_says_why(own: Api) -> None:
    ecs = own.client()
    group = {"targetGroupArn": "arn:group", "containerName": "a", "containerPort": 80}
    ecs.create_service(**WANTED, loadBalancers=[group])
    found = service(own)
    assert (found["runningCount"], found["pendingCount"]) == (0, 2)
    assert "unable to place a task. Reason: loadBalancers: a target group" in found["events"][0]["message"]


def test_a_task_whose_image_is_nowhere_never_counts_as_running(own: Api, until: Until) -> None:
    ecs = own.client()
    ecs.register_task_definition(
        family="nowhere", containerDefinitions=[{"name": "a", "image": "nowhere:1", "memory": 128}]
    )
    ecs.create_service(cluster="own", serviceName="s", taskDefinition="nowhere", desiredCount=1)
    counted = set()

    def failed() -> bool:
        own.rig.supervisor.look()
        counted.add(service(own)["runningCount"])
        return bool(service(own)["deployments"][0]["failedTasks"])

    until(failed)
    assert counted == {0}


def test_run_task_runs_every_launch_type_but_external(own: Api) -> None:
    ecs = own.client()
    [task] = ecs.run_task(cluster="own", taskDefinition="plain", launchType="EC2")["tasks"]
    assert (task["clusterArn"], task["desiredStatus"]) == (ARN, "RUNNING")
    with pytest.raises(ClientError, match="EXTERNAL is not on this machine"):
        ecs.run_task(cluster="own", taskDefinition="plain", launchType="EXTERNAL")


def test_environments_of_clusters_have_names_of_their_own() -> None:
    other = "arn:aws:ecs:us-east-1:111111111111:cluster/own"
    long = "arn:aws:ecs:us-east-1:000000000000:cluster/" + 255 * "x"
    found = [names_of(arn) for arn in (ARN, other, ARN.replace("us-east-1", "eu-west-1"), long)]
    assert len({one.prefix for one in found}) == 4
    assert (found[0].app, found[0].environment) == ("ecs-own", "us-east-1")
    assert all(len(one.prefix) < 80 for one in found)


def test_a_deleted_clusters_environment_goes(own: Api, until: Until) -> None:
    ecs = own.client()
    ecs.create_service(**{**WANTED, "desiredCount": 0})
    ecs.delete_service(cluster="own", service="s")
    assert ecs.delete_cluster(cluster="own")["cluster"]["status"] == "INACTIVE"
    engine: Engine = own.rig.engine
    labels = names_of(ARN).labels()
    until(lambda: not engine.list_containers(labels) and not engine.list_networks(labels))
