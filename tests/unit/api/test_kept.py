"""Tags and settings: kept on this machine, given back, without effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.api.conftest import Api

CLUSTER = "demo-test"
INVALID = "InvalidParameterException"


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def arns(api: Api) -> dict[str, str]:
    """One resource of each kind that has tags."""
    ecs = api.client()
    [service] = ecs.describe_services(cluster=CLUSTER, services=["hello"])["services"]
    return {
        "cluster": service["clusterArn"],
        "service": service["serviceArn"],
        "task": ecs.list_tasks(cluster=CLUSTER)["taskArns"][0],
    }


class TestTags:
    @pytest.mark.parametrize("kind", ["cluster", "service", "task"])
    def test_of_what_runs(self, api: Api, kind: str) -> None:
        ecs, arn = api.client(), arns(api)[kind]
        ecs.tag_resource(resourceArn=arn, tags=[{"key": "team", "value": "a"}, {"key": "cost", "value": ""}])
        ecs.tag_resource(resourceArn=arn, tags=[{"key": "team", "value": "b"}])
        tags = [{"key": "cost", "value": ""}, {"key": "team", "value": "b"}]
        assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == tags
        described = {
            "cluster": lambda: ecs.describe_clusters(clusters=[arn], include=["TAGS"])["clusters"],
            "service": lambda: ecs.describe_services(cluster=CLUSTER, services=[arn], include=["TAGS"])["services"],
            "task": lambda: ecs.describe_tasks(cluster=CLUSTER, tasks=[arn], include=["TAGS"])["tasks"],
        }
        assert described[kind]()[0]["tags"] == tags
        ecs.untag_resource(resourceArn=arn, tagKeys=["team", "other"])
        assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == tags[:1]

    def test_of_a_task_definition(self, api: Api) -> None:
        ecs = api.client()
        definition = ecs.register_task_definition(
            family="f",
            containerDefinitions=[{"name": "a", "image": "a:1", "memory": 512}],
            tags=[{"key": "team", "value": "a"}],
        )["taskDefinition"]["taskDefinitionArn"]
        ecs.tag_resource(resourceArn=definition, tags=[{"key": "more", "value": "x"}])
        ecs.untag_resource(resourceArn=definition, tagKeys=["team"])
        tags = [{"key": "more", "value": "x"}]
        assert ecs.list_tags_for_resource(resourceArn=definition)["tags"] == tags
        assert ecs.describe_task_definition(taskDefinition=definition, include=["TAGS"])["tags"] == tags

    def test_of_a_manifests_task_definition(self, api: Api) -> None:
        ecs = api.client()
        arn = ecs.describe_task_definition(taskDefinition="demo-test-hello")["taskDefinition"]["taskDefinitionArn"]
        assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == []
        tags = [{"key": "a", "value": "b"}]
        ecs.tag_resource(resourceArn=arn, tags=tags)
        assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == tags
        assert ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])["tags"] == tags
        assert ecs.list_task_definitions()["taskDefinitionArns"] == [arn]
        code, _ = refused(lambda: ecs.list_tags_for_resource(resourceArn=arn.rpartition(":")[0]))
        assert code == "ClientException"

    def test_of_a_cluster_that_never_had_any(self, api: Api) -> None:
        ecs, arn = api.client(), arns(api)["cluster"]
        assert "tags" not in ecs.list_tags_for_resource(resourceArn=arn)
        assert "tags" not in ecs.describe_clusters(clusters=[arn], include=["TAGS"])["clusters"][0]
        ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "b"}])
        assert "tags" not in ecs.describe_clusters(clusters=[arn])["clusters"][0]
        ecs.untag_resource(resourceArn=arn, tagKeys=["a"])
        assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == []

    def test_of_a_service_by_its_old_arn(self, api: Api) -> None:
        ecs, arn = api.client(), arns(api)["service"]
        tags = [{"key": "a", "value": "b"}]
        ecs.tag_resource(resourceArn=arn.replace(f"{CLUSTER}/", ""), tags=tags)
        assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == tags

    def test_limits(self, api: Api) -> None:
        ecs, arn = api.client(), arns(api)["service"]
        ecs.tag_resource(resourceArn=arn, tags=[{"key": f"k{number}", "value": ""} for number in range(50)])
        for tags in (
            [{"key": "one-more", "value": ""}],
            [{"key": "aws:x", "value": ""}],
            [{"key": "x" * 129, "value": ""}],
            [{"key": "x", "value": "y" * 257}],
        ):
            assert refused(lambda tags=tags: ecs.tag_resource(resourceArn=arn, tags=tags))[0] == INVALID  # type: ignore[misc]
        assert len(ecs.list_tags_for_resource(resourceArn=arn)["tags"]) == 50

    @pytest.mark.parametrize(
        ("resource", "code"),
        [
            ("service/demo-test/other", "ServiceNotFoundException"),
            ("task/demo-test/0123", INVALID),
            ("cluster/other", "ClusterNotFoundException"),
            ("task-definition/other:1", "ClientException"),
            ("container-instance/x", INVALID),
        ],
    )
    def test_of_what_is_not_there(self, api: Api, resource: str, code: str) -> None:
        ecs, arn = api.client(), f"arn:aws:ecs:us-east-1:000000000000:{resource}"
        assert refused(lambda: ecs.tag_resource(resourceArn=arn, tags=[{"key": "a"}]))[0] == code
        assert refused(lambda: ecs.list_tags_for_resource(resourceArn=arn))[0] == code


class TestAccountSettings:
    def test_put_listed_and_deleted(self, api: Api) -> None:
        ecs, name = api.client(), "containerInsights"
        assert ecs.list_account_settings()["settings"] == []
        setting = ecs.put_account_setting(name=name, value="enabled")["setting"]
        assert (setting["name"], setting["value"]) == (name, "enabled")
        assert "principalArn" not in setting, "without signatures the caller is not known"
        assert ecs.list_account_settings(name=name)["settings"] == [setting]
        role = "arn:aws:iam::000000000000:role/deploy"
        assert ecs.list_account_settings(name=name, principalArn=role)["settings"] == []
        of_role = ecs.put_account_setting(name=name, value="enhanced", principalArn=role)["setting"]
        assert of_role["principalArn"] == role
        assert ecs.list_account_settings(name=name, principalArn=role)["settings"] == [of_role]
        assert ecs.list_account_settings(name=name)["settings"] == [setting]
        assert ecs.list_account_settings(value="disabled")["settings"] == []
        ecs.delete_account_setting(name=name)
        assert ecs.list_account_settings()["settings"] == []

    def test_what_holds(self, api: Api) -> None:
        ecs = api.client()
        ecs.put_account_setting_default(name="defaultLogDriverMode", value="blocking")

        def holds(name: str) -> str:
            [found] = ecs.list_account_settings(name=name, effectiveSettings=True)["settings"]
            return str(found["value"])

        assert (holds("defaultLogDriverMode"), holds("serviceLongArnFormat")) == ("blocking", "enabled")
        ecs.put_account_setting(name="defaultLogDriverMode", value="non-blocking")
        assert holds("defaultLogDriverMode") == "non-blocking"

    def test_an_unknown_name(self, api: Api) -> None:
        ecs = api.client()
        for call in (
            lambda: ecs.put_account_setting(name="unknown", value="enabled"),
            lambda: ecs.delete_account_setting(name="unknown"),
            lambda: ecs.list_account_settings(name="unknown"),
        ):
            code, message = refused(call)
            assert (code, message.split("[")[0]) == (INVALID, "unknown should be one of ")


class TestClusters:
    def test_capacity_providers(self, api: Api) -> None:
        ecs = api.client()
        names = [one["name"] for one in ecs.describe_capacity_providers()["capacityProviders"]]
        assert names == ["FARGATE", "FARGATE_SPOT"]
        answer = ecs.describe_capacity_providers(capacityProviders=["FARGATE_SPOT", "own"])
        assert [one["status"] for one in answer["capacityProviders"]] == ["ACTIVE"]
        assert [one["reason"] for one in answer["failures"]] == ["MISSING"]
        strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]
        put = {"cluster": CLUSTER, "capacityProviders": ["FARGATE_SPOT"], "defaultCapacityProviderStrategy": strategy}
        assert ecs.put_cluster_capacity_providers(**put)["cluster"]["capacityProviders"] == ["FARGATE_SPOT"]
        [cluster] = ecs.describe_clusters(clusters=[CLUSTER])["clusters"]
        assert cluster["defaultCapacityProviderStrategy"] == strategy
        for other in ({"capacityProviders": ["own"]}, {"capacityProviders": ["FARGATE"]}):
            assert refused(lambda other=other: ecs.put_cluster_capacity_providers(**{**put, **other}))[0] == INVALID  # type: ignore[misc]

    def test_capacity_providers_of_auto_scaling_groups(self, api: Api) -> None:
        ecs, group = api.client(), {"autoScalingGroupArn": "arn:group", "managedScaling": {"targetCapacity": 5}}
        tags = [{"key": "a", "value": "b"}]
        made = ecs.create_capacity_provider(name="own", autoScalingGroupProvider=group, tags=tags)["capacityProvider"]
        arn = made["capacityProviderArn"]
        assert (made["status"], made["tags"]) == ("ACTIVE", tags)
        found = ecs.describe_capacity_providers(capacityProviders=["own", arn], include=["TAGS"])["capacityProviders"]
        assert [one["tags"] for one in found] == [tags, tags]
        assert found[0]["autoScalingGroupProvider"]["managedScaling"] == {
            "status": "DISABLED",
            "targetCapacity": 5,
            "minimumScalingStepSize": 1,
            "maximumScalingStepSize": 10000,
            "instanceWarmupPeriod": 300,
        }
        changed = ecs.update_capacity_provider(
            name="own", autoScalingGroupProvider={"managedScaling": {"instanceWarmupPeriod": 0}}
        )["capacityProvider"]["autoScalingGroupProvider"]
        assert (changed["autoScalingGroupArn"], changed["managedScaling"]["targetCapacity"]) == ("arn:group", 5)
        assert changed["managedScaling"]["instanceWarmupPeriod"] == 0
        ecs.create_cluster(clusterName="empty", capacityProviders=["own"])
        assert refused(lambda: ecs.delete_capacity_provider(capacityProvider="own"))[0] == INVALID
        ecs.delete_cluster(cluster="empty")
        for wrong in (arn.replace(":ecs:", ":lambda:"), "x/own", "FARGATE"):
            assert refused(lambda wrong=wrong: ecs.delete_capacity_provider(capacityProvider=wrong))[0] == INVALID  # type: ignore[misc]
        assert ecs.delete_capacity_provider(capacityProvider=arn)["capacityProvider"]["status"] == "INACTIVE"
        [missing] = ecs.describe_capacity_providers(capacityProviders=["own"])["failures"]
        assert missing == {"arn": arn, "reason": "MISSING"}

    @pytest.mark.parametrize(
        ("asked", "code"),
        [
            ({"name": "fargate-own"}, INVALID),
            ({"name": "own"}, "ClientException"),
            ({"name": "own", "cluster": "empty"}, "UnsupportedFeatureException"),
        ],
    )
    def test_capacity_providers_that_are_refused(self, api: Api, asked: dict[str, Any], code: str) -> None:
        assert refused(lambda: api.client().create_capacity_provider(**asked))[0] == code

    @pytest.mark.parametrize("included", [[], ["SETTINGS"], ["CONFIGURATIONS"], ["STATISTICS"], ["ATTACHMENTS"]])
    def test_what_is_described_is_what_is_included(self, api: Api, included: list[str]) -> None:
        ecs, configuration = api.client(), {"executeCommandConfiguration": {"logging": "NONE"}}
        ecs.update_cluster(cluster=CLUSTER, configuration=configuration)
        [cluster] = ecs.describe_clusters(clusters=[CLUSTER], include=included)["clusters"]
        assert bool(cluster["settings"]) == ("SETTINGS" in included)
        assert ("configuration" in cluster) == ("CONFIGURATIONS" in included)
        assert ("attachments" in cluster) == ("ATTACHMENTS" in included)
        counts = {one["name"]: one["value"] for one in cluster["statistics"] if one["value"] != "0"}
        assert counts == (
            {"runningFargateTasksCount": "2", "activeFargateServiceCount": "1"} if "STATISTICS" in included else {}
        )

    def test_container_instances_are_missing(self, api: Api) -> None:
        ecs = api.client()
        answer = ecs.describe_container_instances(cluster=CLUSTER, containerInstances=["a"])
        arn = "arn:aws:ecs:us-east-1:000000000000:container-instance/demo-test/a"
        assert (answer["containerInstances"], answer["failures"]) == ([], [{"arn": arn, "reason": "MISSING"}])
        code, message = refused(lambda: ecs.describe_container_instances(cluster=CLUSTER, containerInstances=[]))
        assert (code, message) == (INVALID, "Container Instances cannot be empty.")
        code, _ = refused(lambda: ecs.describe_container_instances(cluster="other", containerInstances=["a"]))
        assert code == "ClusterNotFoundException"

    def test_settings(self, api: Api) -> None:
        ecs = api.client()
        on = [{"name": "containerInsights", "value": "enabled"}]
        assert ecs.update_cluster_settings(cluster=CLUSTER, settings=on)["cluster"]["settings"] == on
        configuration = {"executeCommandConfiguration": {"logging": "NONE"}}
        ecs.update_cluster(cluster=CLUSTER, configuration=configuration)
        [cluster] = ecs.describe_clusters(clusters=[CLUSTER], include=["SETTINGS", "CONFIGURATIONS"])["clusters"]
        assert (cluster["settings"], cluster["configuration"]) == (on, configuration)
        code, _ = refused(lambda: ecs.update_cluster(cluster="other", settings=on))
        assert code == "ClusterNotFoundException"

    def test_a_poll_endpoint(self, api: Api) -> None:
        assert api.client().discover_poll_endpoint(cluster=CLUSTER)["endpoint"].startswith("http://127.0.0.1:")
