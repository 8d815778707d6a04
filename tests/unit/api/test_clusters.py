"""Clusters that CreateCluster makes, in which nothing runs, beside those that are environments."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.api.clusters import Clusters
from emulator.api.host import Host
from emulator.api.serve import serving
from emulator.engine.fake import FakeEngine
from emulator.setup.store import Store
from tests.unit.agent.rig import Rig
from tests.unit.api.conftest import Api

PLAIN: dict[str, Any] = {"family": "plain", "containerDefinitions": [{"name": "a", "image": "a:1", "memory": 128}]}
WANTED: dict[str, Any] = {"cluster": "empty", "serviceName": "s", "taskDefinition": "plain", "desiredCount": 2}


@pytest.fixture
def bare(rig: Rig, tmp_path: Path) -> Iterator[Api]:
    """The API on a machine where no environment runs, which can be reset."""
    engine = FakeEngine()
    clusters = Clusters(engine, Host(engine, tmp_path), Store(tmp_path / "ecs"))
    with serving(clusters, 0, resets=True) as port:
        yield Api(rig, port)


def refused(call: Callable[..., object], **asked: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**asked)
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


class TestClusters:
    def test_are_made_described_and_deleted(self, api: Api) -> None:
        ecs = api.client()
        strategy = [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}]
        made = ecs.create_cluster(
            clusterName="empty",
            tags=[{"key": "team", "value": "a"}],
            settings=[{"name": "containerInsights", "value": "enabled"}],
            capacityProviders=["FARGATE"],
            defaultCapacityProviderStrategy=strategy,
        )["cluster"]
        assert (made["status"], made["tags"]) == ("ACTIVE", [{"key": "team", "value": "a"}])
        assert made["defaultCapacityProviderStrategy"] == strategy
        assert made["settings"] == [{"name": "containerInsights", "value": "enabled"}]
        counts = ("registeredContainerInstancesCount", "runningTasksCount", "pendingTasksCount", "activeServicesCount")
        assert [made[key] for key in counts] == [0, 0, 0, 0]
        [described] = ecs.describe_clusters(clusters=["empty"], include=["TAGS"])["clusters"]
        assert described == made
        assert ecs.create_cluster(clusterName="empty")["cluster"]["clusterArn"] == made["clusterArn"]
        assert len(ecs.list_clusters()["clusterArns"]) == 2
        assert ecs.delete_cluster(cluster="empty")["cluster"]["status"] == "INACTIVE"
        assert ecs.describe_clusters(clusters=["empty"])["clusters"][0]["status"] == "INACTIVE"
        assert refused(ecs.list_services, cluster="empty") == ("ClusterNotFoundException", "Cluster not found.")
        assert refused(ecs.delete_cluster, cluster="empty")[0] == "ClusterNotFoundException"
        again = ecs.create_cluster(clusterName="empty")["cluster"]
        assert (again["status"], again["tags"], again["capacityProviders"]) == (
            "ACTIVE",
            [],
            ["FARGATE", "FARGATE_SPOT"],
        )

    def test_the_default_one(self, bare: Api) -> None:
        ecs = bare.client()
        assert refused(ecs.list_services)[0] == "ClusterNotFoundException"
        [missing] = ecs.describe_clusters()["failures"]
        assert missing == {"arn": "arn:aws:ecs:us-east-1:000000000000:cluster/default", "reason": "MISSING"}
        assert ecs.create_cluster()["cluster"]["clusterName"] == "default"
        assert ecs.list_services()["serviceArns"] == []

    def test_an_environments_is_neither_made_nor_deleted(self, api: Api) -> None:
        ecs = api.client()
        assert ecs.create_cluster(clusterName="demo-test")["cluster"]["runningTasksCount"] == 2
        code, message = refused(ecs.delete_cluster, cluster="demo-test")
        assert (code, "copilot-local down" in message) == ("ClusterContainsServicesException", True)
        assert ecs.list_tasks(cluster="demo-test")["taskArns"]

    def test_wrong_ones(self, bare: Api) -> None:
        ecs = bare.client()
        assert refused(ecs.create_cluster, clusterName="a b")[0] == "ClientException"
        assert refused(ecs.create_cluster, clusterName="c", capacityProviders=["own"])[0] == "InvalidParameterException"
        assert refused(ecs.delete_cluster, cluster="c") == ("ClusterNotFoundException", "Cluster not found.")


class TestServicesWithoutAnEnvironment:
    @pytest.fixture
    def ecs(self, bare: Api) -> Any:
        client = bare.client()
        client.create_cluster(clusterName="empty")
        client.register_task_definition(**PLAIN)
        return client

    def test_wait_for_capacity_as_in_a_cluster_without_instances(self, ecs: Any) -> None:
        made = ecs.create_service(**WANTED, tags=[{"key": "a", "value": "b"}])["service"]
        assert (made["status"], made["launchType"], made["runningCount"], made["pendingCount"]) == (
            "ACTIVE",
            "EC2",
            0,
            2,
        )
        [found] = ecs.describe_services(cluster="empty", services=["s"], include=["TAGS"])["services"]
        assert found["tags"] == [{"key": "a", "value": "b"}]
        assert "unable to place a task" in found["events"][0]["message"]
        assert [one["rolloutState"] for one in found["deployments"]] == ["IN_PROGRESS"]
        assert ecs.describe_clusters(clusters=["empty"])["clusters"][0]["activeServicesCount"] == 1
        assert ecs.create_service(**WANTED)["service"]["serviceArn"] == made["serviceArn"]
        code, message = refused(ecs.create_service, **{**WANTED, "desiredCount": 3})
        assert (code, message) == ("InvalidParameterException", "Creation of service was not idempotent.")

    def test_are_updated(self, ecs: Any) -> None:
        before = ecs.create_service(**WANTED)["service"]["deployments"][0]["id"]
        scaled = ecs.update_service(cluster="empty", service="s", desiredCount=1)["service"]
        assert (scaled["desiredCount"], scaled["deployments"][0]["id"]) == (1, before)
        second = ecs.register_task_definition(**PLAIN)["taskDefinition"]["taskDefinitionArn"]
        changed = ecs.update_service(cluster="empty", service="s", taskDefinition="plain")["service"]
        assert (changed["taskDefinition"], changed["deployments"][0]["id"] != before) == (second, True)
        assert refused(ecs.update_service, cluster="empty", service="other")[0] == "ServiceNotFoundException"

    def test_are_deleted(self, ecs: Any) -> None:
        ecs.create_service(**WANTED)
        text = "The Cluster cannot be deleted while Services are active."
        assert refused(ecs.delete_cluster, cluster="empty") == ("ClusterContainsServicesException", text)
        assert refused(ecs.delete_service, cluster="empty", service="s")[0] == "InvalidParameterException"
        assert ecs.delete_service(cluster="empty", service="s", force=True)["service"]["status"] == "INACTIVE"
        assert ecs.list_services(cluster="empty")["serviceArns"] == []
        [gone] = ecs.describe_services(cluster="empty", services=["s"])["services"]
        assert (gone["status"], gone["pendingCount"]) == ("INACTIVE", 0)
        assert ecs.create_service(**WANTED)["service"]["status"] == "ACTIVE"

    @pytest.mark.parametrize(
        "more", [{"launchType": "FARGATE"}, {"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}]
    )
    def test_on_fargate_need_an_environment(self, ecs: Any, more: dict[str, Any]) -> None:
        code, message = refused(ecs.create_service, **WANTED, **more)
        assert (code, "empty is no environment of this machine" in message) == ("ClientException", True)
        code, message = refused(ecs.run_task, cluster="empty", taskDefinition="plain")
        assert (code, "empty is no environment of this machine" in message) == ("ClientException", True)


class TestReset:
    def post(self, url: str, **headers: str) -> int:
        request = urllib.request.Request(f"{url}/moto-api/reset", method="POST", data=b"", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def test_forgets_what_the_api_keeps(self, bare: Api) -> None:
        ecs = bare.client()
        ecs.create_cluster(clusterName="empty")
        ecs.register_task_definition(**PLAIN)
        assert self.post(bare.url, Origin="https://example.com") == 403
        assert len(ecs.list_clusters()["clusterArns"]) == 1
        assert self.post(bare.url) == 200
        assert ecs.list_clusters()["clusterArns"] == []
        assert ecs.register_task_definition(**PLAIN)["taskDefinition"]["revision"] == 1

    def test_is_refused_without_the_option(self, api: Api) -> None:
        api.client().register_task_definition(**PLAIN)
        assert self.post(api.url) == 403
        assert api.client().list_task_definitions(familyPrefix="plain")["taskDefinitionArns"]
