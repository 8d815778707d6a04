"""CloudWatch Logs over an agent: groups, streams, pages and patterns, as boto3 reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.api.errors import ApiError
from emulator.api.logs.patterns import matcher
from emulator.api.logs.streams import LogStream
from emulator.engine.fake import Behaviour
from tests.unit.agent.rig import Rig
from tests.unit.api.conftest import Api, answering, in_threads
from tests.unit.runtime.world import make_service

GROUP = "/copilot/demo-test-hello"
AWSLOGS = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "copilot"},
}
FARGATE: dict[str, Any] = {"requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}
Until = Callable[[Callable[[], object]], None]
LINES = tuple(f"line {number}" for number in range(25))


@dataclass
class Logs:
    client: Any
    stream: str
    rig: Rig


@pytest.fixture
def logs(rig: Rig, tmp_path: Path) -> Iterator[Logs]:
    """A task of which one container logs to CloudWatch, the other one not."""
    rig.engine.behave("*-hello", Behaviour(log=LINES))
    service = make_service({"hello": {"logConfiguration": AWSLOGS}, "nginx": {}}, cpu="256", memory="512")
    with answering(rig, tmp_path, service) as api:
        yield Logs(api.client("logs"), f"copilot/hello/{rig.task.id}", rig)


def refused(api: Logs, operation: str, **asked: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        getattr(api.client, operation)(**asked)
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def test_groups_and_streams(logs: Logs) -> None:
    [group] = logs.client.describe_log_groups(logGroupNamePrefix="/copilot/demo")["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == (GROUP, 30)
    assert group["arn"] == f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}:*"
    assert logs.client.describe_log_groups(logGroupNamePrefix="/other")["logGroups"] == []
    for name in ({"logGroupName": GROUP}, {"logGroupIdentifier": group["logGroupArn"]}):
        [stream] = logs.client.describe_log_streams(**name, orderBy="LastEventTime", descending=True)["logStreams"]
        assert stream["logStreamName"] == logs.stream
        assert stream["firstEventTimestamp"] <= stream["lastEventTimestamp"]


def test_a_task_that_is_to_be_started_has_no_stream_yet(logs: Logs) -> None:
    """Its containers are not made: on AWS, too, the first line makes the stream."""
    scheduler, pause = logs.rig.supervisor.scheduler, logs.rig.task.pause
    assert pause is not None
    [desired] = scheduler.state.services.values()
    scheduler.history.announce("0" * 32, desired, pause.labels, scheduler.state)
    [stream] = logs.client.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert stream["logStreamName"] == logs.stream
    answer = logs.client.get_log_events(logGroupName=GROUP, logStreamName=logs.stream)
    assert [event["message"] for event in answer["events"]] == list(LINES)


class TestGetLogEvents:
    def messages(self, answer: Any) -> list[str]:
        return [event["message"] for event in answer["events"]]

    def test_forward_until_the_same_token_comes_twice(self, logs: Logs) -> None:
        found, token, asked = [], "", {"startFromHead": True}
        for _ in range(10):
            answer = logs.client.get_log_events(logGroupName=GROUP, logStreamName=logs.stream, limit=10, **asked)
            found += self.messages(answer)
            if answer["nextForwardToken"] == token:
                break
            token = answer["nextForwardToken"]
            asked = {"nextToken": token}
        assert (found, self.messages(answer)) == (list(LINES), [])

    def test_the_last_ones_and_those_before(self, logs: Logs) -> None:
        last = logs.client.get_log_events(logGroupName=GROUP, logStreamName=logs.stream, limit=10)
        assert self.messages(last) == list(LINES[-10:])
        before = logs.client.get_log_events(
            logGroupName=GROUP, logStreamName=logs.stream, limit=10, nextToken=last["nextBackwardToken"]
        )
        assert self.messages(before) == list(LINES[5:15])
        again = logs.client.get_log_events(
            logGroupName=GROUP, logStreamName=logs.stream, limit=10, nextToken=before["nextForwardToken"]
        )
        assert self.messages(again) == list(LINES[15:])

    def test_between_two_moments(self, logs: Logs) -> None:
        every = logs.client.get_log_events(logGroupName=GROUP, logStreamName=logs.stream)["events"]
        last = every[-1]["timestamp"]
        asked = {"logGroupName": GROUP, "logStreamName": logs.stream}
        assert logs.client.get_log_events(**asked, startTime=last + 1)["events"] == []
        assert logs.client.get_log_events(**asked, startTime=last, endTime=last + 1)["events"][-1] == every[-1]
        assert last not in [event["timestamp"] for event in logs.client.get_log_events(**asked, endTime=last)["events"]]

    def test_what_is_refused(self, logs: Logs) -> None:
        missing = "ResourceNotFoundException"
        asked = {"logGroupName": GROUP, "logStreamName": "other"}
        assert refused(logs, "get_log_events", **asked) == (missing, "The specified log stream does not exist.")
        asked = {"logGroupName": "other", "logStreamName": logs.stream}
        assert refused(logs, "get_log_events", **asked) == (missing, "The specified log group does not exist.")
        asked = {"logGroupName": GROUP, "logStreamName": logs.stream}
        assert refused(logs, "get_log_events", **asked, nextToken="x")[0] == "InvalidParameterException"
        assert refused(logs, "get_log_events", **asked, limit=10_001)[0] == "InvalidParameterException"
        assert refused(logs, "create_log_group", logGroupName="x")[0] == "UnsupportedFeatureException"


class TestFilterLogEvents:
    def test_in_pages_each_event_once(self, logs: Logs) -> None:
        pages = logs.client.get_paginator("filter_log_events").paginate(
            logGroupName=GROUP, PaginationConfig={"PageSize": 7}
        )
        events = [event for page in pages for event in page["events"]]
        assert [event["message"] for event in events] == list(LINES)
        assert len({event["eventId"] for event in events}) == len(events)
        assert {event["logStreamName"] for event in events} == {logs.stream}

    def test_as_aws_logs_tail_follows(self, logs: Logs) -> None:
        """It asks again from the time of the last event on, and leaves out what it has seen."""
        asked: dict[str, Any] = {"logGroupName": GROUP, "interleaved": True}
        first = logs.client.filter_log_events(**asked, startTime=0)["events"]
        again = logs.client.filter_log_events(**asked, startTime=first[-1]["timestamp"])["events"]
        assert again
        assert {event["eventId"] for event in again} <= {event["eventId"] for event in first}

    def test_by_stream_and_pattern(self, logs: Logs) -> None:
        found = logs.client.filter_log_events(logGroupName=GROUP, logStreamNamePrefix="copilot", filterPattern="9")
        assert [event["message"] for event in found["events"]] == ["line 9", "line 19"]
        assert logs.client.filter_log_events(logGroupName=GROUP, logStreamNamePrefix="x")["events"] == []
        asked = {"logGroupName": GROUP, "logStreamNames": ["x"]}
        assert refused(logs, "filter_log_events", **asked)[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR", True),
        ("ERROR", "an error", False),
        ("ERROR disk", "disk: ERROR", True),
        ("ERROR disk", "ERROR", False),
        ('"ERROR disk"', "ERROR disk", True),
        ('"ERROR disk"', "disk ERROR", False),
        ("?ERROR ?WARN", "WARN", True),
        ("?ERROR ?WARN", "INFO", False),
        ("?ERROR disk", "disk", True),
        ("ERROR -health", "ERROR of health", False),
        ('-"/health check"', "GET /health check", False),
    ],
)
def test_a_pattern(pattern: str, message: str, matches: bool) -> None:
    assert matcher(pattern)(message) is matches


@pytest.mark.parametrize("pattern", ["{ $.level = 1 }", "[ip, user]", "%[0-9]+%", "a%b \\"])
def test_a_pattern_that_is_not_evaluated(pattern: str) -> None:
    with pytest.raises(ApiError):
        matcher(pattern)


def test_lines_of_one_millisecond_stay_apart() -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    lines = ((at, "b"), (at + timedelta(milliseconds=1), "c"), (at, "a"), (at, ""))
    events = LogStream("s", 0, kept=lines).events()
    assert [(event.message, event.number) for event in events] == [("b", 0), ("a", 1), ("c", 0)]


class TestTasksOfTheirOwnDefinition:
    """A task logs where its own revision says, whatever services run on meanwhile."""

    def test_one_of_run_task(self, api: Api, until: Until) -> None:
        in_threads(api)
        api.rig.engine.behave("*-app", Behaviour(log=("one", "two")))
        ecs, client = api.client(), api.client("logs")
        container = {"name": "app", "image": "hello:1", "logConfiguration": awslogs("/ecs/batch")}
        ecs.register_task_definition(family="batch", containerDefinitions=[container], **FARGATE)
        [task] = ecs.run_task(cluster="demo-test", taskDefinition="batch")["tasks"]
        until(lambda: task_of(api, task["taskArn"])["lastStatus"] == "RUNNING")
        [group] = client.describe_log_groups()["logGroups"]
        assert group["logGroupArn"] == "arn:aws:logs:us-east-1:000000000000:log-group:/ecs/batch"
        stream = f"ecs/app/{task['taskArn'].rpartition('/')[2]}"
        assert lines(client, "/ecs/batch", stream) == ["one", "two"]
        own = next(one for one in api.rig.tasks if task["taskArn"].endswith(one.id)).members["app"].container.name
        api.rig.engine.finish(own, 0)
        api.rig.supervisor.jobs.wake()
        until(lambda: task_of(api, task["taskArn"])["lastStatus"] == "STOPPED")
        assert lines(client, "/ecs/batch", stream) == ["one", "two"], "of a stopped one, too"

    def test_the_old_ones_of_an_updated_service(self, rig: Rig, tmp_path: Path, until: Until) -> None:
        rig.engine.behave("*-hello", Behaviour(log=("old",)))
        rig.engine.behave("*-web", Behaviour(log=("new",)))
        service = make_service({"hello": {"logConfiguration": awslogs("/g1")}}, cpu="256", memory="512")
        with answering(rig, tmp_path, service) as api:
            ecs, client = api.client(), api.client("logs")
            old = f"ecs/hello/{rig.task.id}"
            in_threads(api)
            container = {"name": "web", "image": "hello:1", "logConfiguration": awslogs("/g2")}
            ecs.register_task_definition(family="demo-test-hello", containerDefinitions=[container], **FARGATE)
            ecs.update_service(cluster="demo-test", service="hello", taskDefinition="demo-test-hello")
            assert lines(client, "/g1", old) == ["old"]

            def replaced() -> bool:
                rig.supervisor.look()
                return [name for task in rig.tasks for name in task.members] == ["web"]

            until(replaced)
            assert [one["logGroupName"] for one in client.describe_log_groups()["logGroups"]] == ["/g1", "/g2"]
            assert (lines(client, "/g1", old), lines(client, "/g2", f"ecs/web/{rig.task.id}")) == (["old"], ["new"])


def awslogs(group: str) -> dict[str, Any]:
    options = {"awslogs-group": group, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs"}
    return {"logDriver": "awslogs", "options": options}


def task_of(api: Api, arn: str) -> dict[str, Any]:
    [task] = api.client().describe_tasks(cluster="demo-test", tasks=[arn])["tasks"]
    return dict(task)


def lines(client: Any, group: str, stream: str) -> list[str]:
    events = client.get_log_events(logGroupName=group, logStreamName=stream)["events"]
    return [event["message"] for event in events]


def test_a_group_of_a_task_that_does_not_log_to_cloudwatch(api: Api) -> None:
    assert api.client("logs").describe_log_groups()["logGroups"] == []
