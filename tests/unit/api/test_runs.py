"""RunTask over an agent: what it answers, refuses, and what becomes of the tasks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.errors import EngineError
from tests.unit.api.conftest import Api, in_threads
from tests.unit.api.test_ecs import CLUSTER, INVALID, refused

Until = Callable[[Callable[[], object]], None]
FARGATE: dict[str, Any] = {"requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}


@pytest.fixture
def threads(api: Api) -> Api:
    in_threads(api)
    return api


def stopped(api: Api, arn: str) -> dict[str, Any]:
    [task] = api.client().describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"]
    return dict(task)


class TestRunning:
    def test_a_task_is_known_at_once(self, threads: Api) -> None:
        ecs = threads.client()
        answer = ecs.run_task(cluster=CLUSTER, taskDefinition="demo-test-hello", startedBy="me", tags=[{"key": "a"}])
        [task] = answer["tasks"]
        assert (task["desiredStatus"], task["startedBy"], task["group"]) == ("RUNNING", "me", "family:demo-test-hello")
        assert ecs.list_tasks(cluster=CLUSTER, startedBy="me")["taskArns"] == [task["taskArn"]]
        described = ecs.describe_tasks(cluster=CLUSTER, tasks=[task["taskArn"]], include=["TAGS"])["tasks"]
        assert described[0]["tags"] == [{"key": "a", "value": ""}]
        assert ecs.describe_tasks(cluster=CLUSTER, tasks=[task["taskArn"]])["tasks"][0]["tags"] == []
        assert (task["cpu"], task["memory"], task["launchType"]) == ("256", "512", "FARGATE")
        assert task["containers"][0]["image"] == "hello:1"
        assert len(ecs.list_tasks(cluster=CLUSTER, serviceName="hello")["taskArns"]) == 2

    def test_its_size_is_told_in_units(self, threads: Api) -> None:
        size = {"cpu": ".5 vCPU", "memory": "1 GB"}
        answer = threads.client().run_task(cluster=CLUSTER, taskDefinition="demo-test-hello", overrides=size)
        assert [(task["cpu"], task["memory"]) for task in answer["tasks"]] == [("512", "1024")]

    def test_one_whose_image_is_nowhere_fails_to_start(self, threads: Api, until: Until) -> None:
        ecs = threads.client()
        container = {"name": "app", "image": "nowhere:1"}
        ecs.register_task_definition(family="broken", containerDefinitions=[container], **FARGATE)
        [task] = ecs.run_task(cluster=CLUSTER, taskDefinition="broken")["tasks"]
        until(lambda: stopped(threads, task["taskArn"])["lastStatus"] == "STOPPED")
        found = stopped(threads, task["taskArn"])
        assert found["stopCode"] == "TaskFailedToStart"
        assert found["stoppedReason"].startswith("CannotPullContainerError: pull image manifest has been retried")
        assert found["containers"][0]["reason"] == found["stoppedReason"]
        assert [one.service for one in threads.rig.tasks] == ["hello", "hello"]

    def test_a_request_that_is_sent_again_starts_nothing(self, threads: Api) -> None:
        ecs = threads.client()
        asked = {"cluster": CLUSTER, "taskDefinition": "demo-test-hello", "count": 2, "clientToken": "t"}
        first, again = (ecs.run_task(**asked)["tasks"] for _ in range(2))
        assert [one["taskArn"] for one in again] == [one["taskArn"] for one in first]
        assert len(ecs.list_tasks(cluster=CLUSTER, family="demo-test-hello")["taskArns"]) == 4
        code, message = refused(lambda: ecs.run_task(**{**asked, "count": 1}))
        assert (code, first[0]["taskArn"].rpartition("/")[2] in message) == ("ConflictException", True)
        wrong = {**asked, "clientToken": "u", "overrides": {"containerOverrides": [{"name": "x"}]}}
        assert refused(lambda: ecs.run_task(**wrong))[0] == INVALID
        assert len(ecs.run_task(**{**asked, "clientToken": "u"})["tasks"]) == 2, "a request that failed has no token"

    def test_one_that_has_ended_is_removed_where_docker_does_not_answer_at_once(
        self, threads: Api, until: Until
    ) -> None:
        rig = threads.rig
        [task] = threads.client().run_task(cluster=CLUSTER, taskDefinition="demo-test-hello")["tasks"]
        until(lambda: stopped(threads, task["taskArn"])["lastStatus"] == "RUNNING")
        times = ["once", "twice"]

        def busy(verb: str, target: str) -> None:
            ours = threading.current_thread() is not threading.main_thread()
            if verb == "list_containers" and ours and times:
                times.pop()
                raise EngineError("Docker is busy")

        [own] = [one for one in rig.tasks if task["taskArn"].endswith(one.id)]
        rig.engine.before = busy
        rig.engine.finish(own.members["hello"].container.name, 0)
        rig.supervisor.jobs.wake()
        until(lambda: not times and len(rig.tasks) == 2)

    @pytest.mark.parametrize("whose", ["a service's", "its own"])
    def test_one_whose_stop_fails_is_stopped_after_all(self, threads: Api, until: Until, whose: str) -> None:
        rig, ecs = threads.rig, threads.client()
        if whose == "its own":
            [task] = ecs.run_task(cluster=CLUSTER, taskDefinition="demo-test-hello")["tasks"]
            arn = task["taskArn"]
            until(lambda: stopped(threads, arn)["lastStatus"] == "RUNNING")
        else:
            arn = ecs.list_tasks(cluster=CLUSTER, serviceName="hello")["taskArns"][0]
        rig.engine.fail("stop", EngineError("Docker did not stop it within 40 s"), target="*-hello")
        with suppress(ClientError):  # it is told where the answer is not under way by then
            ecs.stop_task(cluster=CLUSTER, task=arn, reason="mine")

        def is_gone() -> bool:
            rig.supervisor.look()
            rig.supervisor.jobs.wake()
            rig.watch()
            return all(not arn.endswith(one.id) for one in rig.tasks) and len(rig.tasks) == 2

        until(is_gone)
        until(lambda: stopped(threads, arn)["lastStatus"] == "STOPPED")
        assert stopped(threads, arn)["stoppedReason"] == "mine"

    def test_its_roles_are_those_that_are_asked_for(self, threads: Api, until: Until) -> None:
        """What the credentials endpoint names is the role of what the task was made from."""
        role, execution = (f"arn:aws:iam::000000000000:role/{name}" for name in ("other", "pulls"))
        asked = {"taskRoleArn": role, "executionRoleArn": execution}
        [task] = threads.client().run_task(cluster=CLUSTER, taskDefinition="demo-test-hello", overrides=asked)["tasks"]
        assert (task["overrides"]["taskRoleArn"], task["overrides"]["executionRoleArn"]) == (role, execution)
        until(lambda: stopped(threads, task["taskArn"])["lastStatus"] == "RUNNING")
        [desired] = threads.rig.supervisor.one_offs.services()
        definition = desired.service.task_definition
        assert (definition.task_role_arn, definition.execution_role_arn) == (role, execution)

    def test_it_has_the_tags_of_its_definition_where_that_is_asked(self, threads: Api) -> None:
        ecs = threads.client()
        tags = [{"key": "team", "value": "a"}, {"key": "cost", "value": "b"}]
        container = {"name": "app", "image": "hello:1"}
        ecs.register_task_definition(family="f", containerDefinitions=[container], tags=tags, **FARGATE)
        asked = {"cluster": CLUSTER, "taskDefinition": "f", "tags": [{"key": "cost", "value": "own"}]}
        for propagate, expected in (
            ({}, {"cost": "own"}),
            ({"propagateTags": "NONE"}, {"cost": "own"}),
            ({"propagateTags": "TASK_DEFINITION"}, {"team": "a", "cost": "own"}),
        ):
            [task] = ecs.run_task(**asked, **propagate)["tasks"]
            listed = ecs.list_tags_for_resource(resourceArn=task["taskArn"])["tags"]
            for found in (task["tags"], listed):
                assert {one["key"]: one["value"] for one in found} == expected
        code, message = refused(lambda: ecs.run_task(**asked, propagateTags="SERVICE"))
        assert (code, message) == (
            INVALID,
            "propagateTags of a task of no service should be one of [TASK_DEFINITION,NONE]",
        )

    def test_as_many_as_are_asked_for(self, threads: Api) -> None:
        ecs = threads.client()
        assert len(ecs.run_task(cluster=CLUSTER, taskDefinition="demo-test-hello", count=10)["tasks"]) == 10


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        ({"count": 0}, INVALID, "count must be between 1 and 10."),
        ({"count": 11}, INVALID, "count must be between 1 and 10."),
        ({"launchType": "LAMBDA"}, INVALID, "launch type should be one of [EC2,FARGATE,EXTERNAL]"),
        (
            {"launchType": "EC2"},
            "UnsupportedFeatureException",
            "the launch type EC2 is not on this machine: use FARGATE",
        ),
        (
            {"launchType": "FARGATE", "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
            INVALID,
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ),
        ({"taskDefinition": "nothing"}, "ClientException", "Unable to describe task definition."),
        ({"cluster": "other"}, "ClusterNotFoundException", "Cluster not found."),
        ({"group": "service:hello"}, INVALID, "group must not begin with service:"),
        (
            {"overrides": {"containerOverrides": [{"name": "x"}]}},
            INVALID,
            "Override for container named x is not a container in the TaskDefinition.",
        ),
        (
            {"overrides": {"containerOverrides": [{"name": "hello", "environment": [{"value": "x"}]}]}},
            INVALID,
            "overrides.containerOverrides.environment.name should not be null or empty.",
        ),
        ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}}, INVALID, "subnets can not be empty."),
        (
            {"volumeConfigurations": [{"name": "a"}]},
            "UnsupportedFeatureException",
            "volumeConfigurations is not taken here: volumes of EBS, which are not on this machine",
        ),
    ],
)
def test_what_is_refused(api: Api, more: dict[str, Any], code: str, message: str) -> None:
    wanted = {"cluster": CLUSTER, "taskDefinition": "demo-test-hello", **more}
    assert refused(lambda: api.client().run_task(**wanted)) == (code, message)
