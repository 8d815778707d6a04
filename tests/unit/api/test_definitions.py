"""Task definitions of the ECS API: registered, described, deregistered, deleted, and refused as ECS refuses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from emulator.setup.store import TASK_DEFINITIONS, Store
from tests.unit.api.conftest import Api
from tests.unit.api.test_ecs import CLUSTER, refused

PLAIN: dict[str, Any] = {"name": "app", "image": "hello:1", "memory": 128}


def register(api: Api, family: str = "app", **more: Any) -> dict[str, Any]:
    wanted = {"family": family, "containerDefinitions": [PLAIN], **more}
    found: dict[str, Any] = api.client().register_task_definition(**wanted)["taskDefinition"]
    return found


class TestRegistering:
    def test_gives_the_next_revision(self, api: Api) -> None:
        assert [register(api)["revision"] for _ in range(3)] == [1, 2, 3]
        arn = "arn:aws:ecs:us-east-1:000000000000:task-definition/app:3"
        assert api.client().describe_task_definition(taskDefinition="app")["taskDefinition"]["taskDefinitionArn"] == arn

    def test_goes_on_after_the_revisions_that_services_run_on(self, api: Api) -> None:
        assert register(api, "demo-test-hello")["revision"] == 2
        assert api.client().list_task_definitions(familyPrefix="demo-test-hello")["taskDefinitionArns"] == [
            f"arn:aws:ecs:us-east-1:000000000000:task-definition/demo-test-hello:{number}" for number in (1, 2)
        ]

    def test_fills_in_what_ecs_fills_in(self, api: Api) -> None:
        ports = [{"containerPort": 80}]
        fargate: dict[str, Any] = {"requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}
        found = register(api, containerDefinitions=[{**PLAIN, "portMappings": ports}], **fargate)
        [container] = found["containerDefinitions"]
        assert (container["cpu"], container["essential"], container["environment"]) == (0, True, [])
        assert container["portMappings"] == [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}]
        assert (found["networkMode"], found["compatibilities"]) == ("awsvpc", ["EC2", "FARGATE"])
        assert register(api)["networkMode"] == "bridge"

    @pytest.mark.parametrize("size", [(".25 vCPU", "0.5 GB"), ("0.25vcpu", "0.5gb"), ("256", "512")])
    def test_gives_a_size_back_in_units(self, api: Api, size: tuple[str, str]) -> None:
        """ECS converts it when it registers; tools compare what they sent with what they get."""
        found = register(api, requiresCompatibilities=["FARGATE"], cpu=size[0], memory=size[1])
        assert (found["cpu"], found["memory"]) == ("256", "512")

    def test_takes_nulls(self, api: Api) -> None:
        """Some tools send every member that there is."""
        target = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition"}
        import httpx

        body = {"family": "app", "containerDefinitions": [{**PLAIN, "command": None}], "volumes": None, "pidMode": None}
        assert httpx.post(api.url, headers=target, json=body).status_code == 200

    def test_keeps_tags(self, api: Api) -> None:
        tags = [{"key": "team", "value": "a"}]
        register(api, tags=tags)
        assert api.client().describe_task_definition(taskDefinition="app", include=["TAGS"])["tags"] == tags
        assert "tags" not in api.client().describe_task_definition(taskDefinition="app")

    def test_takes_no_tag_without_a_key(self, api: Api) -> None:
        code, message = refused(lambda: register(api, tags=[{"value": "x"}]))
        assert (code, message.split(",")[0]) == ("InvalidParameterException", "A tag's key has 1 to 128 characters")
        assert api.client().list_task_definitions(familyPrefix="app")["taskDefinitionArns"] == []

    def test_one_with_a_wrong_tag_of_an_earlier_version_is_tagged_all_the_same(self, api: Api, tmp_path: Path) -> None:
        arn = register(api)["taskDefinitionArn"]
        with Store(tmp_path / "ecs").changing(TASK_DEFINITIONS) as document:
            for kept in document.values():
                kept["tags"] = [{"value": "x"}]
        tags = [{"key": "team", "value": "a"}]
        api.client().tag_resource(resourceArn=arn, tags=tags)
        assert api.client().list_tags_for_resource(resourceArn=arn)["tags"] == tags

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"containerDefinitions": [{"image": "a", "memory": 1}]}, "Container.name should not be null or empty."),
            ({"containerDefinitions": [{"name": "a", "memory": 1}]}, "Container.image should not be null or empty."),
            ({"containerDefinitions": []}, "Container list cannot be empty."),
            (
                {"containerDefinitions": [{"name": "x", "image": "a"}]},
                "Invalid setting for container 'x'. At least one of 'memory' or 'memoryReservation' must be specified.",
            ),
            (
                {"requiresCompatibilities": ["FARGATE"], "pidMode": "host"},
                "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is "
                "'task'.",
            ),
            (
                {"requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "8192"},
                "No Fargate configuration exists for given values: 256 CPU, 8192 memory.",
            ),
        ],
    )
    def test_refuses_in_the_words_of_ecs(self, api: Api, change: dict[str, Any], message: str) -> None:
        assert refused(lambda: register(api, **change)) == ("ClientException", message)
        assert api.client().list_task_definitions(familyPrefix="app")["taskDefinitionArns"] == []


class TestDeregistering:
    def test_leaves_it_describable(self, api: Api) -> None:
        ecs = api.client()
        register(api)
        assert ecs.deregister_task_definition(taskDefinition="app:1")["taskDefinition"]["status"] == "INACTIVE"
        assert ecs.describe_task_definition(taskDefinition="app:1")["taskDefinition"]["status"] == "INACTIVE"
        assert ecs.list_task_definitions(familyPrefix="app")["taskDefinitionArns"] == []
        assert len(ecs.list_task_definitions(status="INACTIVE")["taskDefinitionArns"]) == 1
        assert ecs.list_task_definition_families(familyPrefix="app", status="INACTIVE")["families"] == ["app"]
        missing = ("ClientException", "Unable to describe task definition.")
        assert refused(lambda: ecs.describe_task_definition(taskDefinition="app")) == missing
        assert register(api)["revision"] == 2
        code = refused(lambda: ecs.update_service(cluster=CLUSTER, service="hello", taskDefinition="app:1"))
        assert code == ("ClientException", "TaskDefinition is inactive")

    def test_refuses_what_is_no_revision(self, api: Api) -> None:
        ecs = api.client()
        assert refused(lambda: ecs.deregister_task_definition(taskDefinition="app"))[1] == "Revision is missing."
        words = refused(lambda: ecs.deregister_task_definition(taskDefinition="app:x"))[1]
        assert words == "Invalid revision number. Number: x"
        assert refused(lambda: ecs.deregister_task_definition(taskDefinition="app:9"))[0] == "ClientException"

    def test_comes_before_deleting(self, api: Api) -> None:
        ecs = api.client()
        arn = register(api)["taskDefinitionArn"]
        [failure] = ecs.delete_task_definitions(taskDefinitions=[arn])["failures"]
        assert failure["reason"].startswith("The specified task definition is still in ACTIVE status.")
        ecs.deregister_task_definition(taskDefinition=arn)
        [deleted] = ecs.delete_task_definitions(taskDefinitions=[arn])["taskDefinitions"]
        assert deleted["status"] == "DELETE_IN_PROGRESS"
        reasons = [one["reason"] for one in ecs.delete_task_definitions(taskDefinitions=["b", "b:1"])["failures"]]
        assert [reason.partition(".")[0] for reason in reasons] == [
            "The specified task definition identifier is invalid",
            "The specified task definition does not exist",
        ]


class TestOfTwoRegions:
    """Families and revisions are those of a region, as on AWS. The environment is of us-east-1."""

    FARGATE: ClassVar[dict[str, Any]] = {"requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}

    def register(self, api: Api, region: str, variable: str, family: str = "demo-test-hello") -> str:
        container = {**PLAIN, "name": "hello", "environment": [{"name": "R", "value": variable}]}
        asked = {"family": family, "containerDefinitions": [container], **self.FARGATE}
        found = api.client(region=region).register_task_definition(**asked)["taskDefinition"]
        return str(found["taskDefinitionArn"])

    def test_each_has_its_own_revisions_and_lists(self, api: Api) -> None:
        own = [self.register(api, "us-east-1", "us", "f") for _ in range(2)]
        other = self.register(api, "eu-west-1", "eu", "f")
        assert [arn.rpartition(":")[2] for arn in (*own, other)] == ["1", "2", "1"]
        us, eu = api.client(), api.client(region="eu-west-1")
        assert us.list_task_definitions(familyPrefix="f")["taskDefinitionArns"] == own
        assert eu.list_task_definitions()["taskDefinitionArns"] == [other]
        assert eu.list_task_definition_families()["families"] == ["f"]
        assert eu.describe_task_definition(taskDefinition="f")["taskDefinition"]["taskDefinitionArn"] == other
        assert us.describe_task_definition(taskDefinition="f")["taskDefinition"]["taskDefinitionArn"] == own[1]
        missing = ("ClientException", "Unable to describe task definition.")
        assert refused(lambda: eu.deregister_task_definition(taskDefinition="f:2")) == missing
        eu.deregister_task_definition(taskDefinition="f:1")
        eu.delete_task_definitions(taskDefinitions=["f:1"])
        states = [us.describe_task_definition(taskDefinition=arn)["taskDefinition"]["status"] for arn in own]
        assert states == ["ACTIVE", "ACTIVE"]
        eu.tag_resource(resourceArn=other, tags=[{"key": "a", "value": "b"}])
        assert us.list_tags_for_resource(resourceArn=own[0])["tags"] == []

    def test_a_service_runs_on_what_its_own_region_has(self, api: Api) -> None:
        own, other = (self.register(api, region, region[:2]) for region in ("us-east-1", "eu-west-1"))
        ecs = api.client()
        asked = {"cluster": CLUSTER, "taskDefinition": "demo-test-hello"}
        updated = ecs.update_service(service="hello", **asked)["service"]
        assert updated["taskDefinition"] == own
        [service] = api.rig.agent.state().services.values()
        [container] = service.service.task_definition.container_definitions
        assert [(one.name, one.value) for one in container.environment] == [("R", "us")]
        for call in (
            lambda: ecs.update_service(cluster=CLUSTER, service="hello", taskDefinition=other),
            lambda: ecs.run_task(cluster=CLUSTER, taskDefinition=other),
            lambda: ecs.create_service(cluster=CLUSTER, serviceName="s", taskDefinition=other),
            lambda: api.client(region="eu-west-1").run_task(**asked),
        ):
            code, message = refused(call)
            assert (code, message.partition(",")[0]) == (
                "InvalidParameterException",
                f"The task definition {other} is of another region than the cluster",
            )

    def test_those_of_an_earlier_version_stay(self, api: Api, tmp_path: Path) -> None:
        """It kept them without the region in their names."""
        self.register(api, "us-east-1", "us", "f")
        with Store(tmp_path / "ecs").changing(TASK_DEFINITIONS) as document:
            document["f:1"] = document.pop("us-east-1:f:1")
        ecs = api.client()
        assert ecs.deregister_task_definition(taskDefinition="f:1")["taskDefinition"]["status"] == "INACTIVE"
        assert self.register(api, "us-east-1", "us", "f").endswith(":2")
        assert len(ecs.list_task_definitions(familyPrefix="f", status="INACTIVE")["taskDefinitionArns"]) == 1


class TestUpdatingAService:
    def test_with_another_revision_of_the_same_content_begins_a_deployment(self, api: Api) -> None:
        ecs = api.client()
        fargate = {"requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}
        arn = register(api, "demo-test-hello", **fargate)["taskDefinitionArn"]
        before = ecs.describe_services(cluster=CLUSTER, services=["hello"])["services"][0]["deployments"][0]["id"]
        service = ecs.update_service(cluster=CLUSTER, service="hello", taskDefinition=arn)["service"]
        assert service["taskDefinition"] == arn
        primary, old = service["deployments"]
        assert (primary["taskDefinition"], primary["status"], primary["id"] != before) == (arn, "PRIMARY", True)
        assert (old["status"], old["taskDefinition"]) == ("ACTIVE", arn.replace(":2", ":1"))
        again = ecs.update_service(cluster=CLUSTER, service="hello", taskDefinition=arn)["service"]
        assert again["deployments"][0]["id"] == primary["id"], "the same revision is no other deployment"
        first = ecs.describe_task_definition(taskDefinition="demo-test-hello:1")["taskDefinition"]
        assert first["status"] == "ACTIVE", "that of the manifest can be gone back to"

    @pytest.mark.parametrize("name", ["demo-test-hello", "demo-test-hello:1", "{arn}"])
    def test_with_the_revision_that_runs_begins_none(self, api: Api, name: str) -> None:
        ecs = api.client()
        [before] = ecs.describe_services(cluster=CLUSTER, services=["hello"])["services"]
        asked = {"cluster": CLUSTER, "service": "hello"}
        ecs.update_service(**asked, taskDefinition=name.format(arn=before["taskDefinition"]), desiredCount=3)
        [after] = ecs.describe_services(cluster=CLUSTER, services=["hello"])["services"]
        ids = [[one["id"] for one in service["deployments"]] for service in (before, after)]
        assert (ids[1], after["desiredCount"]) == (ids[0], 3)

    @pytest.mark.parametrize("more", [{"networkMode": "host"}, {"networkMode": "awsvpc"}, {"cpu": "256"}])
    def test_with_what_fargate_refuses_changes_nothing(self, api: Api, more: dict[str, str]) -> None:
        ecs = api.client()
        register(api, "demo-test-hello", **more)
        asked = {"cluster": CLUSTER, "taskDefinition": "demo-test-hello:2"}
        for call in (
            lambda: ecs.update_service(**asked, service="hello"),
            lambda: ecs.create_service(**asked, serviceName="other", launchType="FARGATE"),
            lambda: ecs.run_task(**asked, launchType="FARGATE"),
        ):
            code, message = refused(call)
            assert code == "InvalidParameterException"
            assert message.startswith("Task definition does not support launch_type FARGATE.")
        [service] = ecs.describe_services(cluster=CLUSTER, services=["hello"])["services"]
        assert service["taskDefinition"].endswith("demo-test-hello:1")

    def test_with_a_secret_that_is_nowhere_says_where_to_put_it(self, api: Api) -> None:
        fargate = {"requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}
        container = {**PLAIN, "secrets": [{"name": "TOKEN", "valueFrom": "/app/token"}]}
        register(api, "demo-test-hello", containerDefinitions=[container], **fargate)
        code, message = refused(
            lambda: api.client().update_service(cluster=CLUSTER, service="hello", taskDefinition="demo-test-hello:2")
        )
        assert code == "ClientException"
        assert "TOKEN" in message
        assert ".copilot-local/secrets.env" in message
