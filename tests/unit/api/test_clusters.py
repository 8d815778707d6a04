"""Clusters that CreateCluster makes beside environments, what is recorded of them, and how resources are named."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
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
    """The API on a machine where no environment runs, which can be reset and only records."""
    engine = FakeEngine()
    clusters = Clusters(engine, Host(engine, tmp_path), Store(tmp_path / "ecs"), runs=False)
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
        everything = ["TAGS", "SETTINGS", "STATISTICS", "ATTACHMENTS"]
        [described] = ecs.describe_clusters(clusters=["empty"], include=everything)["clusters"]
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
        connect = {"enabled": True}
        code, _ = refused(ecs.update_service, cluster="empty", service="s", serviceConnectConfiguration=connect)
        assert code == "UnsupportedFeatureException"
        assert ecs.list_service_deployments(cluster="empty", service="s")["serviceDeployments"] == []

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
        "more",
        [{"launchType": "FARGATE"}, {"capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}]}],
    )
    def test_on_fargate_wait_too_and_say_what_they_need(self, ecs: Any, more: dict[str, Any]) -> None:
        made = ecs.create_service(**WANTED, **more)["service"]
        assert {key: made[key] for key in ("launchType", "capacityProviderStrategy") if key in made} == more
        [found] = ecs.describe_services(cluster="empty", services=["s"])["services"]
        assert found["runningCount"] == 0
        assert "unable to place a task. Reason: Capacity is unavailable" in found["events"][0]["message"]
        assert "empty is no environment of this machine: `copilot-local up`" in found["events"][0]["message"]
        assert ecs.list_services(cluster="empty", launchType="EC2")["serviceArns"] == []

    def test_may_lack_a_task_definition_and_keep_what_is_asked(self, ecs: Any) -> None:
        made = ecs.create_service(cluster="empty", serviceName="s")["service"]
        assert (made["desiredCount"], "taskDefinition" in made) == (0, False)
        group = {"targetGroupArn": "arn:group", "containerName": "a", "containerPort": 80}
        updated = ecs.update_service(cluster="empty", service="s", loadBalancers=[group], taskDefinition="plain")
        assert updated["service"]["loadBalancers"] == [group]
        assert updated["service"]["taskDefinition"].endswith("/plain:1")

    def test_are_listed_by_launch_type_and_strategy(self, ecs: Any) -> None:
        ecs.create_service(**WANTED, schedulingStrategy="DAEMON")
        ecs.create_service(**{**WANTED, "serviceName": "f"}, launchType="FARGATE")

        def names(**asked: str) -> list[str]:
            found = ecs.list_services(cluster="empty", **asked)["serviceArns"]
            return [arn.rpartition("/")[2] for arn in found]

        assert names() == ["f", "s"]
        assert (names(launchType="FARGATE"), names(launchType="EC2")) == (["f"], ["s"])
        assert (names(schedulingStrategy="DAEMON"), names(schedulingStrategy="REPLICA")) == (["s"], ["f"])

    def test_have_short_arns_while_the_account_asks_for_them(self, ecs: Any) -> None:
        long = ecs.create_service(**WANTED)["service"]["serviceArn"]
        ecs.put_account_setting(name="serviceLongArnFormat", value="disabled")
        [short] = ecs.list_services(cluster="empty")["serviceArns"]
        assert short == long.replace("empty/", "")
        for arn in (long, short):
            [found] = ecs.describe_services(cluster="empty", services=[arn])["services"]
            assert found["serviceArn"] == short
        ecs.delete_account_setting(name="serviceLongArnFormat")
        assert ecs.list_services(cluster="empty")["serviceArns"] == [long]


def test_a_lenient_api_takes_containers_without_memory_where_no_launch_type_is_named(rig: Rig, tmp_path: Path) -> None:
    engine, containers = FakeEngine(), [{"name": "a", "image": "a:1"}]
    clusters = Clusters(engine, Host(engine, tmp_path), Store(tmp_path / "ecs"), runs=False, lenient=True)
    with serving(clusters, 0) as port:
        ecs = Api(rig, port).client()
        made = ecs.register_task_definition(family="f", containerDefinitions=containers)["taskDefinition"]
        assert "memory" not in made["containerDefinitions"][0]
        asked = {"family": "f", "containerDefinitions": containers, "requiresCompatibilities": ["EC2"]}
        assert "At least one of 'memory'" in refused(ecs.register_task_definition, **asked)[1]


class TestTasksWithoutAnEnvironment:
    @pytest.fixture
    def ecs(self, bare: Api) -> Any:
        client = bare.client()
        client.register_task_definition(**PLAIN)
        return client

    def test_on_fargate_fail_to_start(self, ecs: Any) -> None:
        ecs.create_cluster(clusterName="empty")
        tags = [{"key": "a", "value": "b"}]
        asked = {"cluster": "empty", "taskDefinition": "plain", "count": 2, "startedBy": "me", "tags": tags}
        begun = ecs.run_task(**asked, launchType="FARGATE")["tasks"]
        assert [one["lastStatus"] for one in begun] == ["PROVISIONING", "PROVISIONING"]
        assert (begun[0]["launchType"], begun[0]["group"]) == ("FARGATE", "family:plain")
        arns = [one["taskArn"] for one in begun]
        assert ecs.list_tasks(cluster="empty")["taskArns"] == []
        assert ecs.list_tasks(cluster="empty", desiredStatus="STOPPED", startedBy="me")["taskArns"] == sorted(arns)
        ecs.get_waiter("tasks_stopped").wait(cluster="empty", tasks=arns, WaiterConfig={"Delay": 0, "MaxAttempts": 1})
        found = ecs.describe_tasks(cluster="empty", tasks=arns, include=["TAGS"])["tasks"]
        assert {one["stopCode"] for one in found} == {"TaskFailedToStart"}
        assert found[0]["stoppedReason"].startswith("Capacity is unavailable at this time.")
        assert "empty is no environment of this machine" in found[0]["stoppedReason"]
        assert found[0]["tags"] == tags
        assert "exitCode" not in found[0]["containers"][0]

    def test_of_another_region_are_others_although_the_request_is_the_same(self, bare: Api) -> None:
        asked = {"cluster": "empty", "taskDefinition": "plain", "launchType": "FARGATE", "clientToken": "t"}
        for region in ("us-east-1", "eu-west-1"):
            ecs = bare.client(region=region)
            ecs.create_cluster(clusterName="empty")
            ecs.register_task_definition(**PLAIN)
            [task] = ecs.run_task(**asked)["tasks"]
            assert task["taskArn"].split(":")[3] == region

    def test_have_the_tags_of_their_definition_where_that_is_asked(self, ecs: Any) -> None:
        ecs.create_cluster(clusterName="empty")
        arn = ecs.register_task_definition(**PLAIN, tags=[{"key": "a", "value": "b"}])["taskDefinition"]
        asked = {"cluster": "empty", "taskDefinition": arn["taskDefinitionArn"], "launchType": "FARGATE"}
        [task] = ecs.run_task(**asked, propagateTags="TASK_DEFINITION")["tasks"]
        assert task["tags"] == ecs.list_tags_for_resource(resourceArn=task["taskArn"])["tags"]
        assert task["tags"] == [{"key": "a", "value": "b"}]

    def test_are_not_begun_twice_by_a_request_that_is_sent_again(self, ecs: Any) -> None:
        ecs.create_cluster(clusterName="empty")
        asked = {"cluster": "empty", "taskDefinition": "plain", "launchType": "FARGATE", "clientToken": "t"}
        first, again = (ecs.run_task(**asked)["tasks"][0]["taskArn"] for _ in range(2))
        assert first == again
        assert ecs.list_tasks(cluster="empty", desiredStatus="STOPPED")["taskArns"] == [first]

    def test_use_the_capacity_of_their_cluster(self, ecs: Any) -> None:
        strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
        ecs.create_cluster(clusterName="empty", defaultCapacityProviderStrategy=strategy)
        [task] = ecs.run_task(cluster="empty", taskDefinition="plain")["tasks"]
        assert (task["capacityProviderName"], "launchType" in task) == ("FARGATE_SPOT", False)

    def test_on_instances_are_refused(self, ecs: Any) -> None:
        ecs.create_cluster(clusterName="empty")
        code, message = refused(ecs.run_task, cluster="empty", taskDefinition="plain")
        assert (code, message.split(".")[0]) == (
            "InvalidParameterException",
            "No Container Instances were found in your cluster",
        )
        assert "copilot-local up" in message


class TestArns:
    """An ARN of something else is not taken for a resource whose name it ends with."""

    @pytest.fixture
    def ecs(self, bare: Api) -> Any:
        client = bare.client()
        client.create_cluster(clusterName="empty")
        client.create_cluster(clusterName="other")
        client.register_task_definition(**PLAIN)
        for cluster in ("empty", "other"):
            client.create_service(**{**WANTED, "cluster": cluster, "desiredCount": 0})
        return client

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (":ecs:", ":lambda:"),
            ("arn:aws:", "arn:aws-cn:"),
            (":us-east-1:", ":eu-west-1:"),
            (":000000000000:", ":111111111111:"),
            ("/empty", "/more/empty"),
        ],
    )
    def test_of_another_place(self, ecs: Any, old: str, new: str) -> None:
        cluster = "arn:aws:ecs:us-east-1:000000000000:cluster/empty"
        service = "arn:aws:ecs:us-east-1:000000000000:service/empty/s"
        missing = {"arn": cluster.replace(old, new), "reason": "MISSING"}
        assert ecs.describe_clusters(clusters=[cluster])["failures"] == []
        assert ecs.describe_clusters(clusters=[cluster.replace(old, new)])["failures"] == [missing]
        code, _ = refused(ecs.list_services, cluster=cluster.replace(old, new))
        assert code == "ClusterNotFoundException"
        wrong = service.replace(old, new)
        found = ecs.describe_services(cluster="empty", services=[service, wrong])
        assert len(found["services"]) == 1
        assert found["failures"] == [{"arn": wrong, "reason": "MISSING"}]
        for call in (ecs.update_service, ecs.delete_service):
            assert refused(call, cluster="empty", service=wrong)[0] == "ServiceNotFoundException"

    def test_of_another_cluster(self, ecs: Any) -> None:
        wrong = "arn:aws:ecs:us-east-1:000000000000:service/other/s"
        assert ecs.describe_services(cluster="empty", services=[wrong])["failures"][0]["reason"] == "MISSING"
        assert refused(ecs.delete_service, cluster="empty", service=wrong)[0] == "ServiceNotFoundException"

    def test_of_a_task_definition(self, ecs: Any) -> None:
        arn = "arn:aws:ecs:us-east-1:000000000000:task-definition/plain:1"
        assert ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["revision"] == 1
        for old, new in ((":ecs:", ":lambda:"), (":us-east-1:", ":eu-west-1:"), ("task-definition/", "cluster/")):
            wrong = arn.replace(old, new)
            missing = ("ClientException", "Unable to describe task definition.")
            assert refused(ecs.describe_task_definition, taskDefinition=wrong) == missing
            assert refused(ecs.deregister_task_definition, taskDefinition=wrong)[0] == "ClientException"
            assert refused(ecs.create_service, **{**WANTED, "taskDefinition": wrong, "serviceName": "t"}) == missing

    def test_of_one_name_in_two_regions(self, bare: Api, ecs: Any) -> None:
        west = boto3.client(
            "ecs",
            endpoint_url=bare.url,
            region_name="eu-west-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        assert west.list_clusters()["clusterArns"] == []
        arn = west.create_cluster(clusterName="empty")["cluster"]["clusterArn"]
        assert west.list_clusters()["clusterArns"] == [arn]
        assert west.list_services(cluster="empty")["serviceArns"] == []
        west.delete_cluster(cluster="empty")
        assert ecs.list_services(cluster="empty")["serviceArns"]


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
