"""The ECS API as boto3 calls it, unmodified, over an agent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, ClassVar

import httpx
import pytest
from botocore.exceptions import ClientError

from emulator.api.shapes import FILES, model
from tests.unit.agent.test_rollouts import settle
from tests.unit.api.conftest import Api
from tests.unit.api.shapes_of_botocore import shapes

Until = Callable[[Callable[[], object]], None]
CLUSTER = "demo-test"


def refused(call: Callable[[], object]) -> tuple[str, str]:
    """Code and message of what a call raises."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


@pytest.mark.parametrize("service", FILES)
def test_the_shapes_are_botocores(service: str) -> None:
    assert model(service) == shapes(service), "python -m tests.unit.api.shapes_of_botocore writes them"


class TestReading:
    def test_clusters(self, api: Api) -> None:
        ecs = api.client()
        [arn] = ecs.list_clusters()["clusterArns"]
        assert arn == "arn:aws:ecs:us-east-1:000000000000:cluster/demo-test"
        for name in (CLUSTER, arn, "default"):
            [cluster] = ecs.describe_clusters(clusters=[name])["clusters"]
            assert (cluster["clusterName"], cluster["status"]) == (CLUSTER, "ACTIVE")
            assert (cluster["runningTasksCount"], cluster["activeServicesCount"]) == (2, 1)
        missing = {"arn": arn.replace(CLUSTER, "other"), "reason": "MISSING"}
        assert ecs.describe_clusters(clusters=["other"])["failures"] == [missing]

    def test_services_with_their_deployments(self, api: Api) -> None:
        ecs = api.client()
        [arn] = ecs.list_services(cluster=CLUSTER)["serviceArns"]
        for name in ("hello", arn, "arn:aws:ecs:us-east-1:000000000000:service/hello"):
            answer = ecs.describe_services(cluster=CLUSTER, services=[name, "other"])
            [service] = answer["services"]
            assert (service["serviceName"], service["status"], service["desiredCount"]) == ("hello", "ACTIVE", 2)
            [deployment] = service["deployments"]
            assert (deployment["status"], deployment["rolloutState"]) == ("PRIMARY", "IN_PROGRESS")
            assert deployment["createdAt"].year >= 2026
            assert [one["reason"] for one in answer["failures"]] == ["MISSING"]
            assert service["events"][-1]["message"].startswith("(service hello) has started 2 tasks")
        assert "serviceDeployments" not in service, "the shape has no such member"

    def test_service_deployments(self, api: Api) -> None:
        ecs = api.client()
        [brief] = ecs.list_service_deployments(cluster=CLUSTER, service="hello")["serviceDeployments"]
        primary = ecs.describe_services(cluster=CLUSTER, services=["hello"])["services"][0]["deployments"][0]["id"]
        assert brief["targetServiceRevisionArn"].rpartition("/")[2] == primary.rpartition("/")[2]
        asked = [brief["targetServiceRevisionArn"], "arn:other"]
        revisions = ecs.describe_service_revisions(serviceRevisionArns=asked)
        assert [one["taskDefinition"].rpartition("/")[2] for one in revisions["serviceRevisions"]] == [
            "demo-test-hello:1"
        ]
        assert revisions["failures"] == [{"arn": "arn:other", "reason": "MISSING"}]
        arns = [brief["serviceDeploymentArn"], "arn:other"]
        answer = ecs.describe_service_deployments(serviceDeploymentArns=arns)
        assert [one["status"] for one in answer["serviceDeployments"]] == ["IN_PROGRESS"]
        assert answer["failures"] == [{"arn": "arn:other", "reason": "MISSING"}]

    def test_service_deployments_page_by_page(self, api: Api) -> None:
        ecs = api.client()
        ecs.update_service(cluster=CLUSTER, service="hello", forceNewDeployment=True)
        every = ecs.list_service_deployments(cluster=CLUSTER, service="hello")["serviceDeployments"]
        asked = {"cluster": CLUSTER, "service": "hello", "maxResults": 1}
        found: list[dict[str, object]] = []
        token: dict[str, str] = {}
        while True:
            answer = ecs.list_service_deployments(**asked, **token)
            found += answer["serviceDeployments"]
            if "nextToken" not in answer:
                break
            token = {"nextToken": answer["nextToken"]}
        assert [one["serviceDeploymentArn"] for one in found] == [one["serviceDeploymentArn"] for one in every]
        newest, oldest = every[0]["createdAt"], every[-1]["createdAt"]
        assert (len(every), newest > oldest) == (2, True)
        for created, expected in (({"after": newest}, every[:1]), ({"before": oldest}, every[1:])):
            answer = ecs.list_service_deployments(cluster=CLUSTER, service="hello", createdAt=created)
            assert answer["serviceDeployments"] == expected

    def test_tasks(self, api: Api) -> None:
        ecs = api.client()
        arns = ecs.list_tasks(cluster=CLUSTER, serviceName="hello")["taskArns"]
        assert len(arns) == 2
        tasks = ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]
        assert {task["lastStatus"] for task in tasks} == {"RUNNING"}
        assert {task["startedBy"].partition("/")[0] for task in tasks} == {"ecs-svc"}
        short = arns[0].rpartition("/")[2]
        assert ecs.describe_tasks(cluster=CLUSTER, tasks=[short])["tasks"][0]["taskArn"] == arns[0]
        assert ecs.list_tasks(cluster=CLUSTER, family="demo-test-hello")["taskArns"] == arns
        for nothing in ({"family": "other"}, {"startedBy": "me"}, {"desiredStatus": "STOPPED"}, {"launchType": "EC2"}):
            assert ecs.list_tasks(cluster=CLUSTER, **nothing)["taskArns"] == []

    def test_task_definitions(self, api: Api) -> None:
        ecs = api.client()
        assert ecs.list_task_definition_families()["families"] == ["demo-test-hello"]
        [arn] = ecs.list_task_definitions(familyPrefix="demo-test-hello")["taskDefinitionArns"]
        for name in ("demo-test-hello", "demo-test-hello:1", arn):
            found = ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
            assert (found["taskDefinitionArn"], found["revision"], found["cpu"]) == (arn, 1, "256")
            assert [one["name"] for one in found["containerDefinitions"]] == ["hello"]
        code = refused(lambda: ecs.describe_task_definition(taskDefinition="demo-test-hello:7"))
        assert code == ("ClientException", "Unable to describe task definition.")

    def test_who_one_is(self, api: Api) -> None:
        assert api.client("sts").get_caller_identity()["Account"] == "000000000000"

    def test_in_pages(self, api: Api) -> None:
        ecs = api.client()
        pages = list(ecs.get_paginator("list_tasks").paginate(cluster=CLUSTER, PaginationConfig={"PageSize": 1}))
        assert [len(page["taskArns"]) for page in pages] == [1, 1]


class TestErrors:
    def test_have_the_codes_of_ecs(self, api: Api) -> None:
        ecs = api.client()
        missing = ("ClusterNotFoundException", "Cluster not found.")
        assert refused(lambda: ecs.list_services(cluster="other")) == missing
        assert refused(lambda: ecs.list_tasks(cluster=CLUSTER, serviceName="other"))[0] == "ServiceNotFoundException"
        assert refused(lambda: ecs.update_service(cluster=CLUSTER, service="other"))[0] == "ServiceNotFoundException"
        assert refused(lambda: ecs.describe_services(cluster=CLUSTER, services=["a"] * 11))[0] == INVALID
        assert refused(lambda: ecs.describe_tasks(cluster=CLUSTER, tasks=["a"] * 101))[0] == INVALID
        assert refused(lambda: ecs.describe_tasks(cluster=CLUSTER, tasks=[])) == (INVALID, "Tasks cannot be empty.")
        assert refused(lambda: ecs.list_tasks(cluster=CLUSTER, nextToken="?"))[0] == INVALID
        found = refused(lambda: ecs.stop_task(cluster=CLUSTER, task="0" * 32))
        assert found == (INVALID, "The referenced task was not found.")

    def test_what_is_not_answered_says_so(self, api: Api) -> None:
        ecs = api.client()
        code, message = refused(lambda: ecs.list_attributes(targetType="container-instance"))
        assert (code, message) == ("UnsupportedFeatureException", "ListAttributes is not answered on this machine")
        code, message = refused(lambda: ecs.update_service(cluster=CLUSTER, service="hello", taskDefinition="other:3"))
        assert (code, message) == ("ClientException", "Unable to describe task definition.")


INVALID = "InvalidParameterException"


class TestChanging:
    def test_the_number_of_tasks(self, api: Api, until: Until) -> None:
        ecs = api.client()
        service = ecs.update_service(cluster=CLUSTER, service="hello", desiredCount=3)["service"]
        assert service["desiredCount"] == 3
        until(lambda: len(api.rig.tasks) == 3)

    def test_fewer_tasks_are_to_run_at_once(self, api: Api) -> None:
        ecs, over = api.client(), threading.Event()

        def look() -> None:
            while not over.wait(0.01):
                api.rig.supervisor.look()

        threading.Thread(target=api.rig.monitor.run, daemon=True).start()
        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        try:
            for count in (1, 0):
                ecs.update_service(cluster=CLUSTER, service="hello", desiredCount=count)
                assert len(ecs.list_tasks(cluster=CLUSTER, serviceName="hello")["taskArns"]) == count
        finally:
            over.set()
            looking.join()

    def test_a_new_deployment(self, api: Api) -> None:
        ecs = api.client()
        before = ecs.describe_services(cluster=CLUSTER, services=["hello"])["services"][0]["deployments"][0]["id"]
        threading.Thread(target=api.rig.monitor.run, daemon=True).start()
        service = ecs.update_service(
            cluster=CLUSTER, service="hello", taskDefinition="demo-test-hello", forceNewDeployment=True
        )["service"]
        primary = service["deployments"][0]
        assert (primary["status"], primary["id"] != before) == ("PRIMARY", True)

    def test_what_an_update_does_not_take(self, api: Api) -> None:
        ecs = api.client()
        before = ecs.describe_services(cluster=CLUSTER, services=["hello"])["services"][0]["deployments"][0]["id"]
        other = [{"capacityProvider": "my-ec2", "weight": 1}]
        unsupported = (
            "UnsupportedFeatureException",
            "the capacity provider my-ec2 is not on this machine: use FARGATE or FARGATE_SPOT",
        )
        asked = {"cluster": CLUSTER, "service": "hello"}
        assert refused(lambda: ecs.update_service(**asked, capacityProviderStrategy=other)) == unsupported
        negative = (INVALID, "healthCheckGracePeriodSeconds must be between 0 and 2147483647.")
        assert refused(lambda: ecs.update_service(**asked, healthCheckGracePeriodSeconds=-5)) == negative
        ecs.create_cluster(clusterName="own")
        for cluster in (CLUSTER, "own"):
            wanted = {"cluster": cluster, "serviceName": "s", "taskDefinition": "demo-test-hello"}
            with pytest.raises(ClientError, match="healthCheckGracePeriodSeconds must be between"):
                ecs.create_service(**wanted, healthCheckGracePeriodSeconds=-5)
        [service] = ecs.describe_services(cluster=CLUSTER, services=["hello"])["services"]
        assert [one["id"] for one in service["deployments"]] == [before]

    def test_a_task_stops_for_the_reason_that_is_given(self, api: Api) -> None:
        ecs = api.client()
        threading.Thread(target=api.rig.monitor.run, daemon=True).start()
        [first, _] = ecs.list_tasks(cluster=CLUSTER)["taskArns"]
        task = ecs.stop_task(cluster=CLUSTER, task=first, reason="cancelled")["task"]
        assert (task["desiredStatus"], task["stopCode"], task["stoppedReason"]) == (
            "STOPPED",
            "UserInitiated",
            "cancelled",
        )

    def test_a_waiter_waits_until_it_is_steady(self, api: Api) -> None:
        waiter = api.client().get_waiter("services_stable")
        waiter.wait(cluster=CLUSTER, services=["hello"], WaiterConfig={"Delay": 0, "MaxAttempts": 1})


class TestWhoMayAsk:
    TARGET: ClassVar = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters"}

    def ask(self, api: Api, headers: dict[str, str], body: bytes = b"{}") -> httpx.Response:
        return httpx.post(api.url, headers=headers, content=body)

    def test_any_client_of_this_machine(self, api: Api) -> None:
        answer = self.ask(api, self.TARGET)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-amz-json-1.1")
        assert answer.headers["x-amzn-requestid"]

    @pytest.mark.parametrize(
        "headers",
        [
            {**TARGET, "Origin": "https://example.com"},
            {**TARGET, "Origin": "null"},
            {**TARGET, "Sec-Fetch-Site": "cross-site"},
            {**TARGET, "Host": "evil.example"},
            {**TARGET, "Host": "evil.example:4510"},
            {**TARGET, "Host": "localhost.evil.example"},
            {"Content-Type": "application/x-www-form-urlencoded"},
        ],
    )
    def test_no_web_page(self, api: Api, headers: dict[str, str]) -> None:
        answer = self.ask(api, headers)
        assert (answer.status_code, answer.json()["__type"]) == (403, "AccessDeniedException")
        assert "access-control-allow-origin" not in answer.headers

    @pytest.mark.parametrize(
        ("operation", "body", "code"),
        [
            ("DescribeServices", b"{", "SerializationException"),
            ("DescribeServices", b"[]", "SerializationException"),
            ("DescribeServices", b'{"services": "hello"}', "SerializationException"),
            ("DescribeServices", b"{}", INVALID),
            ("NoSuchThing", b"{}", "UnsupportedFeatureException"),
        ],
    )
    def test_what_is_no_request(self, api: Api, operation: str, body: bytes, code: str) -> None:
        answer = self.ask(api, {"X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}"}, body)
        assert (answer.status_code, answer.json()["__type"]) == (400, code)

    def test_nulls_and_unknown_members_are_taken_as_aws_takes_them(self, api: Api) -> None:
        target = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListTasks"}
        found: Any = self.ask(api, target, b'{"cluster": null, "serviceName": null, "newer": {"x": 1}}').json()
        assert len(found["taskArns"]) == 2


class TestProtection:
    def test_of_tasks_of_services(self, api: Api) -> None:
        ecs = api.client()
        first, second = ecs.list_tasks(cluster=CLUSTER)["taskArns"]
        answer = ecs.update_task_protection(
            cluster=CLUSTER, tasks=[first, "0" * 32], protectionEnabled=True, expiresInMinutes=5
        )
        [task] = answer["protectedTasks"]
        assert (task["taskArn"], task["protectionEnabled"], "expirationDate" in task) == (first, True, True)
        assert [one["reason"] for one in answer["failures"]] == ["MISSING"]
        every = ecs.get_task_protection(cluster=CLUSTER, tasks=[first, second])["protectedTasks"]
        assert [one["protectionEnabled"] for one in every] == [True, False]
        assert [one["taskArn"] for one in ecs.get_task_protection(cluster=CLUSTER)["protectedTasks"]] == [first]
        ecs.update_task_protection(cluster=CLUSTER, tasks=[first.rpartition("/")[2]], protectionEnabled=False)
        assert ecs.get_task_protection(cluster=CLUSTER)["protectedTasks"] == []

    def test_limits(self, api: Api) -> None:
        ecs = api.client()
        [task, _] = ecs.list_tasks(cluster=CLUSTER)["taskArns"]
        for minutes in (0, 2881):
            code, message = refused(
                lambda minutes=minutes: ecs.update_task_protection(  # type: ignore[misc]
                    cluster=CLUSTER, tasks=[task], protectionEnabled=True, expiresInMinutes=minutes
                )
            )
            assert (code, message) == (INVALID, "expiresInMinutes must be between 1 and 2880")
        code, _ = refused(
            lambda: ecs.update_task_protection(cluster=CLUSTER, tasks=[task] * 11, protectionEnabled=True)
        )
        assert code == INVALID


class TestStopping:
    def test_a_deployment_goes_back(self, api: Api, until: Until) -> None:
        ecs = api.client()
        settle(api.rig)
        first = ecs.describe_services(cluster=CLUSTER, services=["hello"])["services"][0]["taskDefinition"]
        described = ecs.describe_task_definition(taskDefinition=first)["taskDefinition"]
        wanted = {key: described[key] for key in ("family", "containerDefinitions", "cpu", "memory", "networkMode")}
        arn = ecs.register_task_definition(**wanted)["taskDefinition"]["taskDefinitionArn"]
        ecs.update_service(cluster=CLUSTER, service="hello", taskDefinition=arn)
        new = ecs.list_service_deployments(cluster=CLUSTER, service="hello")["serviceDeployments"][0]
        asked = new["serviceDeploymentArn"]
        code, _ = refused(lambda: ecs.stop_service_deployment(serviceDeploymentArn=asked, stopType="ABORT"))
        assert code == INVALID
        assert ecs.stop_service_deployment(serviceDeploymentArn=asked)["serviceDeploymentArn"] == asked
        service = ecs.describe_services(cluster=CLUSTER, services=["hello"])["services"][0]
        assert service["taskDefinition"] == first
        [stopped] = ecs.describe_service_deployments(serviceDeploymentArns=[asked])["serviceDeployments"]
        assert stopped["status"] in ("ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL")

    def test_what_is_over_or_not_there_is_refused(self, api: Api) -> None:
        ecs = api.client()
        settle(api.rig)
        [done] = ecs.list_service_deployments(cluster=CLUSTER, service="hello")["serviceDeployments"]
        code, _ = refused(lambda: ecs.stop_service_deployment(serviceDeploymentArn=done["serviceDeploymentArn"]))
        assert code == "ConflictException"
        code, _ = refused(lambda: ecs.stop_service_deployment(serviceDeploymentArn="arn:other"))
        assert code == "ServiceDeploymentNotFoundException"
