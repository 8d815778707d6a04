"""RunTask by the ECS API: real containers run once to their exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.docker.project import docker

if TYPE_CHECKING:
    from tests.docker.api.conftest import Pipeline

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("pipeline")]


def run(pipeline: Pipeline, command: str, definition: str | None = None, **more: Any) -> list[str]:
    """RunTask of the service's own definition with another command; the ARNs of the tasks."""
    override = {"name": "web", "command": ["sh", "-c", command], "environment": [{"name": "COLOUR", "value": "blue"}]}
    answer = pipeline.ecs.run_task(
        cluster=pipeline.cluster,
        taskDefinition=definition or pipeline.service()["taskDefinition"],
        overrides={"containerOverrides": [override]},
        **more,
    )
    assert answer["failures"] == []
    assert {one["desiredStatus"] for one in answer["tasks"]} <= {"RUNNING", "STOPPED"}, "one may have ended by now"
    return [one["taskArn"] for one in answer["tasks"]]


def described(pipeline: Pipeline, arns: list[str]) -> list[dict[str, Any]]:
    return list(pipeline.ecs.describe_tasks(cluster=pipeline.cluster, tasks=arns)["tasks"])


def test_a_task_runs_to_its_exit_code(pipeline: Pipeline) -> None:
    before = pipeline.service()["runningCount"]
    command = 'test "$COLOUR:$TOKEN" = blue:correct-horse-battery && exit 7'
    arns = run(pipeline, command, count=2, startedBy="nightly", launchType="FARGATE")
    assert len(arns) == 2
    found = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in pipeline.ecs.list_tasks(cluster=pipeline.cluster, startedBy="nightly", desiredStatus=status)[
            "taskArns"
        ]
    ]
    assert set(found) == set(arns)
    pipeline.wait("tasks_stopped", tasks=arns)
    for task in described(pipeline, arns):
        assert (task["stopCode"], task["stoppedReason"]) == (
            "EssentialContainerExited",
            "Essential container in task exited",
        )
        assert (task["group"], task["startedBy"]) == (f"family:{pipeline.cluster}-web", "nightly")
        [container] = task["containers"]
        assert (container["exitCode"], container["lastStatus"]) == (7, "STOPPED")
        assert task["overrides"]["containerOverrides"][0]["command"] == ["sh", "-c", command]
    assert pipeline.service()["runningCount"] == before
    wanted = {"desiredStatus": "STOPPED", "family": f"{pipeline.cluster}-web"}
    assert set(arns) <= set(pipeline.ecs.list_tasks(cluster=pipeline.cluster, **wanted)["taskArns"])
    names = docker("ps", "-a", "--format", "{{.Names}}", "--filter", pipeline.project.label)
    assert not any(arn.rpartition("/")[2][:8] in names for arn in arns), "nothing is left of it"


def test_a_task_can_be_stopped(pipeline: Pipeline) -> None:
    [arn] = run(pipeline, 'trap "exit 0" TERM; sleep 600 & wait')
    pipeline.wait("tasks_running", tasks=[arn])
    pipeline.ecs.stop_task(cluster=pipeline.cluster, task=arn, reason="cancelled")
    pipeline.wait("tasks_stopped", tasks=[arn])
    [task] = described(pipeline, [arn])
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "cancelled")


def test_a_task_without_its_image_fails_to_start(pipeline: Pipeline) -> None:
    wanted = {**pipeline.definition(image="registry.invalid/no/such:2"), "family": "broken"}
    broken = pipeline.ecs.register_task_definition(**wanted)["taskDefinition"]["taskDefinitionArn"]
    arns = run(pipeline, "true", broken)
    pipeline.wait("tasks_stopped", tasks=arns)
    [task] = described(pipeline, arns)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError: pull image manifest has been retried 1 time(s)")
    [container] = task["containers"]
    assert "exitCode" not in container
    assert container["reason"] == task["stoppedReason"]


def test_what_cannot_be_run_is_refused(pipeline: Pipeline) -> None:
    definition = pipeline.service()["taskDefinition"]
    for more, message in (
        ({"count": 11}, "count must be between 1 and 10."),
        (
            {"overrides": {"containerOverrides": [{"name": "x"}]}},
            "Override for container named x is not a container in the TaskDefinition.",
        ),
        ({"launchType": "LAMBDA"}, "launch type should be one of [EC2,FARGATE,EXTERNAL]"),
        ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}}, "subnets can not be empty."),
    ):
        with pytest.raises(ClientError) as caught:
            pipeline.ecs.run_task(cluster=pipeline.cluster, taskDefinition=definition, **more)
        assert caught.value.response["Error"] == {"Code": "InvalidParameterException", "Message": message}
