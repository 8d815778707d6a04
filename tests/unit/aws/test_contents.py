"""What the endpoint holds, by the names of manifests and templates, and what is changed there by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from emulator.aws.contents import queues
from emulator.aws.contents.__main__ import answer
from emulator.aws.contents.empty import empty
from emulator.aws.contents.names import World, names_in
from emulator.aws.stacks.clients import Clients, Refused

LABELS = {
    "queues": {"worker": "a-test-worker-EventsQueue", "worker/bills.fifo": "a-test-worker-bills.fifo"},
    "topics": {"api/orders": "a-test-api-orders"},
}
MADE = {
    "a-test-api-AddonsStack": {
        "Things": {"type": "AWS::DynamoDB::Table", "physical": "a-test-api-things"},
        "Files": {"type": "AWS::S3::Bucket", "physical": "files"},
        "Jobs": {"type": "AWS::SQS::Queue", "physical": "http://127.0.0.1:4566/000000000000/jobs"},
    },
    "a-test-AddonsStack": {"Shared": {"type": "AWS::DynamoDB::Table", "physical": "shared"}},
}


@pytest.fixture
def world(empty: str) -> World:
    """An endpoint with a queue with dead letters, a FIFO queue, a topic, a table and a bucket."""
    clients = Clients(empty, "us-east-1")
    names = names_in({"app": "a", "env": "test", "labels": LABELS}, MADE)
    clients.call("sqs", "CreateQueue", QueueName="a-test-worker-DeadLetterQueue")
    arn = "arn:aws:sqs:us-east-1:000000000000:a-test-worker-DeadLetterQueue"
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    given = {"RedrivePolicy": redrive, "VisibilityTimeout": "0"}
    clients.call("sqs", "CreateQueue", QueueName="a-test-worker-EventsQueue", Attributes=given)
    clients.call("sqs", "CreateQueue", QueueName="a-test-worker-bills.fifo", Attributes={"FifoQueue": "true"})
    clients.call("sqs", "CreateQueue", QueueName="by-hand")
    topic = clients.call("sns", "CreateTopic", Name="a-test-api-orders")["TopicArn"]
    queue = "arn:aws:sqs:us-east-1:000000000000:a-test-worker-EventsQueue"
    policy = {"FilterPolicy": json.dumps({"size": ["big"]})}
    clients.call("sns", "Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=policy)
    clients.call(
        "dynamodb",
        "CreateTable",
        TableName="a-test-api-things",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    clients.call("s3", "CreateBucket", Bucket="files")
    return World(clients, empty, "us-east-1", names)


def ask(world: World, verb: str, **arguments: Any) -> Any:
    found = answer(world, {"verb": verb, **arguments})
    assert list(found) == ["answer"], found
    return found["answer"]


def send(world: World, queue: str = "worker", body: str = "hello", **more: Any) -> None:
    ask(world, "send", queue=queue, body=body, **{"attributes": {}, **more})


def bodies(world: World, queue: str = "worker", **more: Any) -> list[str]:
    return [one["body"] for one in ask(world, "peek", queue=queue, limit=10, **more)]


def row(world: World, name: str = "worker") -> dict[str, Any]:
    [found] = [one for one in ask(world, "queues") if one["name"] == name]
    assert isinstance(found, dict)
    return found


def receive(world: World) -> None:
    url = row(world)["url"]
    world.clients.call("sqs", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10)


def test_queues_are_listed_by_the_manifests_names_and_dead_letters_with_their_queue(world: World) -> None:
    send(world)
    found = {one["name"]: (one["visible"], one["in_flight"], one["dead_letters"]) for one in ask(world, "queues")}
    assert found == {"worker": (1, 0, 0), "worker/bills.fifo": (0, 0, None), "by-hand": (0, 0, None)}


@pytest.mark.parametrize("name", ["worker/bills", "worker/bills.fifo", "bills", "a-test-worker-bills.fifo"])
def test_a_queue_has_several_names(world: World, name: str) -> None:
    send(world, name, group="g")
    [found] = ask(world, "peek", queue="worker/bills", limit=10)
    assert (found["body"], found["group"]) == ("hello", "g")


def test_the_same_text_twice_is_two_messages_of_a_fifo_queue(world: World) -> None:
    send(world, "worker/bills")
    send(world, "worker/bills")
    assert bodies(world, "worker/bills") == ["hello", "hello"]


def test_a_look_disturbs_nothing(world: World) -> None:
    send(world, attributes={"size": "big"})
    before = ask(world, "peek", queue="worker", limit=10)
    assert ask(world, "peek", queue="worker", limit=10) == before
    assert (before[0]["received"], before[0]["visible"]) == (0, True)
    assert before[0]["attributes"] == {"size": "big"}
    assert row(world)["visible"] == 1


def test_dead_letters_are_shown_moved_back_and_removed(world: World) -> None:
    send(world, body="poison", attributes={"size": "big"})
    receive(world)
    receive(world)
    assert row(world)["dead_letters"] == 1
    assert bodies(world, dead=True) == ["poison"]
    assert ask(world, "redrive", queue="worker")["moved"] == 1
    [back] = ask(world, "peek", queue="worker", limit=10)
    assert (back["body"], back["attributes"], back["received"]) == ("poison", {"size": "big"}, 0)
    assert row(world)["dead_letters"] == 0
    assert ask(world, "purge", queue="worker")["removed"] == 1
    assert bodies(world) == []


def test_a_queue_without_dead_letters_says_how_to_have_some(world: World) -> None:
    found = answer(world, {"verb": "redrive", "queue": "by-hand"})
    assert "no dead letters" in found["error"]["message"]


def test_a_name_that_nothing_has_is_answered_with_those_that_are_there(world: World) -> None:
    found = answer(world, {"verb": "peek", "queue": "wroker", "limit": 1})["unknown"]
    assert (found["word"], found["what"]) == ("wroker", "queues")
    assert {"worker", "worker/bills.fifo", "by-hand"} <= set(found["known"])
    assert "api/Jobs" not in found["known"], "its stack is known, but it is not there"


def test_what_the_endpoint_refuses_is_said(world: World) -> None:
    found = answer(world, {"verb": "send", "queue": "worker", "body": "", "attributes": {}})
    assert "refused" in found["error"]["message"]


def test_a_message_that_is_published_goes_by_its_attributes(world: World) -> None:
    assert ask(world, "topics")[0]["subscriptions"] == ["worker"]
    ask(world, "publish", topic="orders", body="small", attributes={"size": "small"})
    ask(world, "publish", topic="api/orders", body="large", attributes={"size": "big"})
    assert [json.loads(body)["Message"] for body in bodies(world)] == ["large"]


def test_tables_show_their_items_as_plain_json(world: World) -> None:
    item = {
        "id": {"S": "1"},
        "number": {"N": "1.5"},
        "long": {"N": "12345678901234567890.5"},
        "many digits": {"NS": ["9007199254740993", "7"]},
        "large": {"N": "1E+30"},
        "raw": {"B": b"\x00"},
        "many": {"SS": ["x"]},
        "deep": {"M": {"list": {"L": [{"N": "2"}, {"NULL": True}, {"BOOL": False}]}}},
    }
    world.clients.call("dynamodb", "PutItem", TableName="a-test-api-things", Item=item)
    [table] = ask(world, "tables")
    assert (table["name"], table["items"], table["key"]) == ("api/Things", 1, ["id"])
    plain = {
        "id": "1",
        "number": 1.5,
        "long": "12345678901234567890.5",
        "many digits": ["9007199254740993", 7],
        "large": 10**30,
        "raw": "AA==",
        "many": ["x"],
        "deep": {"list": [2, None, False]},
    }
    [found] = ask(world, "items", table="Things", limit=5)
    assert {**found, "many digits": sorted(found["many digits"], key=str, reverse=True)} == plain
    json.dumps(plain)


def test_buckets_show_their_objects(world: World) -> None:
    for key in ("a/1", "a/2", "b"):
        world.clients.call("s3", "PutObject", Bucket="files", Key=key, Body=b"1234")
    [bucket] = ask(world, "buckets")
    assert (bucket["name"], bucket["objects"], bucket["bytes"]) == ("api/Files", 3, 12)
    assert [one["key"] for one in ask(world, "objects", bucket="Files", limit=10, prefix="a/")] == ["a/1", "a/2"]
    assert len(ask(world, "objects", bucket="files", limit=1)) == 1


def test_what_the_environments_own_stack_makes_has_no_service_in_its_name() -> None:
    assert names_in({"app": "a", "env": "test"}, MADE)["tables"] == {
        "api/Things": "a-test-api-things",
        "Shared": "shared",
    }


def test_emptying_leaves_what_holds_it(world: World) -> None:
    for number in range(30):
        world.clients.call("dynamodb", "PutItem", TableName="a-test-api-things", Item={"id": {"S": str(number)}})
    world.clients.call("s3", "PutBucketVersioning", Bucket="files", VersioningConfiguration={"Status": "Enabled"})
    for text in (b"1", b"2"):
        world.clients.call("s3", "PutObject", Bucket="files", Key="a", Body=text)
    world.clients.call("s3", "DeleteObject", Bucket="files", Key="a")
    send(world)
    send(world, "by-hand")
    assert ask(world, "reset") == {"messages": 2, "items": 30, "objects": 3}
    assert ask(world, "reset") == {"messages": 0, "items": 0, "objects": 0}
    ask(world, "publish", topic="orders", body="later", attributes={"size": "big"})
    assert [json.loads(body)["Message"] for body in bodies(world)] == ["later"]
    assert world.clients.call("s3", "ListObjectVersions", Bucket="files").get("Versions", []) == []


class TestAnotherEndpoint:
    """What the URL of the settings names is not this environment's alone."""

    @pytest.fixture
    def shared(self, world: World) -> World:
        own = {"queues": frozenset({"a-test-worker-EventsQueue"}), "tables": frozenset(), "buckets": frozenset()}
        return replace(world, other="http://other:4566", own=own)

    def test_a_reset_leaves_what_others_have_there(self, shared: World) -> None:
        for queue in ("worker", "by-hand"):
            answer(shared, {"verb": "send", "queue": queue, "body": "x", "attributes": {}})
        assert empty(shared) == {"messages": 1, "items": 0, "objects": 0}
        [left] = [one for one in answer(shared, {"verb": "queues"})["answer"] if one["queue"] == "by-hand"]
        assert left["visible"] == 1

    def test_it_may_have_a_view_that_disturbs_nothing(self, shared: World) -> None:
        answer(shared, {"verb": "send", "queue": "worker", "body": "x", "attributes": {}})
        [seen] = answer(shared, {"verb": "peek", "queue": "worker", "limit": 5})["answer"]
        assert (seen["body"], seen["received"]) == ("x", 0)

    def test_where_it_has_none_that_is_said(self, shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(queues, "MESSAGES", "/bucket/no-such-view")
        error = answer(shared, {"verb": "peek", "queue": "worker", "limit": 5})["error"]
        assert error["message"].startswith("http://other:4566 does not show messages without receiving them")
        assert "receive-message" in error["hint"]

    def test_where_a_queue_was_purged_a_moment_ago_its_messages_are_received(
        self, shared: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """AWS: PurgeQueue once in 60 seconds."""
        for _ in range(12):
            answer(shared, {"verb": "send", "queue": "worker", "body": "x", "attributes": {}})
        call = Clients.call

        def once_a_minute(clients: Clients, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
            if operation == "PurgeQueue":
                raise Refused("AWS.SimpleQueueService.PurgeQueueInProgress", "only one")
            return call(clients, service, operation, **arguments)

        monkeypatch.setattr(Clients, "call", once_a_minute)
        assert answer(shared, {"verb": "purge", "queue": "worker"})["answer"]["removed"] == 12
        [left] = [one for one in answer(shared, {"verb": "queues"})["answer"] if one["name"] == "worker"]
        assert left["visible"] == 0
