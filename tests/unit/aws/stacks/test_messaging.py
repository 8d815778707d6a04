"""Queues, topics and subscriptions of workloads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.aws.stacks.clients import Refused
from emulator.aws.stacks.problems import StackError
from tests.unit.aws.stacks.asking import PUBLIC, Endpoint

ARN = "arn:aws:sqs:us-east-1:000000000000:"
REDRIVE = json.dumps({"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": 3})


def url(name: str) -> str:
    return f"{PUBLIC}/000000000000/{name}"


def attributes(endpoint: Endpoint, name: str) -> dict[str, str]:
    answer = endpoint.call("sqs", "GetQueueAttributes", QueueUrl=url(name), AttributeNames=["All"])
    return dict(answer["Attributes"])


def queue(name: str, **settings: str) -> dict[str, Any]:
    return {"name": name, "attributes": settings}


def subscription(filter_policy: str | None = None) -> dict[str, Any]:
    return {
        "topic": "orders",
        "queue": "events",
        "attributes": {} if filter_policy is None else {"FilterPolicy": filter_policy},
    }


def publish(endpoint: Endpoint, kind: str, topic: str = "orders", **more: Any) -> None:
    endpoint.call(
        "sns",
        "Publish",
        TopicArn=f"arn:aws:sns:us-east-1:000000000000:{topic}",
        Message=kind,
        MessageAttributes={"kind": {"DataType": "String", "StringValue": kind}},
        **more,
    )


def received(endpoint: Endpoint, name: str = "events") -> list[str]:
    """Bodies inside SNS's envelope of what is in a queue."""
    answer = endpoint.call("sqs", "ReceiveMessage", QueueUrl=url(name), MaxNumberOfMessages=10)
    return sorted(json.loads(message["Body"])["Message"] for message in answer.get("Messages", []))


def test_the_answer_has_urls_as_tasks_use_them(endpoint: Endpoint) -> None:
    answer = endpoint.provision(queues=[queue("events")], topics=[{"name": "orders"}])
    assert answer["queues"] == {"events": {"url": url("events"), "arn": f"{ARN}events"}}
    assert answer["topics"] == {"orders": "arn:aws:sns:us-east-1:000000000000:orders"}


def test_a_dead_letter_queue_may_come_after_the_queue_that_names_it(endpoint: Endpoint) -> None:
    endpoint.provision(queues=[queue("events", RedrivePolicy=REDRIVE), queue("dead")])
    assert json.loads(attributes(endpoint, "events")["RedrivePolicy"])["maxReceiveCount"] == 3


def test_a_changed_queue_keeps_its_messages_and_gets_its_attributes(endpoint: Endpoint) -> None:
    endpoint.provision(queues=[queue("dead"), queue("events", VisibilityTimeout="60", RedrivePolicy=REDRIVE)])
    endpoint.call("sqs", "SendMessage", QueueUrl=url("events"), MessageBody="kept")
    endpoint.provision(queues=[queue("events", DelaySeconds="5")])
    found = attributes(endpoint, "events")
    assert found["ApproximateNumberOfMessages"] == "1"
    assert (found["VisibilityTimeout"], found["DelaySeconds"], "RedrivePolicy" in found) == ("30", "5", False)


def send_grouped(endpoint: Endpoint) -> None:
    """Sends to a FIFO queue without an id for deduplication."""
    endpoint.call("sqs", "SendMessage", QueueUrl=url("events.fifo"), MessageBody="x", MessageGroupId="a")


def test_what_leaves_a_fifo_queue_leaves_the_one_that_is_kept(endpoint: Endpoint) -> None:
    by_content = {"ContentBasedDeduplication": "true"}
    rapid = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    endpoint.provision(queues=[queue("events.fifo", **by_content, **rapid)])
    send_grouped(endpoint)
    endpoint.provision(queues=[queue("events.fifo", **rapid)])
    with pytest.raises(Refused, match=r"InvalidParameterValue.*MessageDeduplicationId"):
        send_grouped(endpoint)
    found = attributes(endpoint, "events.fifo")
    assert (found["DeduplicationScope"], found["FifoThroughputLimit"]) == tuple(rapid.values())
    endpoint.provision(queues=[queue("events.fifo")])
    found = attributes(endpoint, "events.fifo")
    assert (found["DeduplicationScope"], found["FifoThroughputLimit"]) == ("queue", "perQueue")
    assert found["ApproximateNumberOfMessages"] == "1"


def test_a_size_that_is_no_longer_limited(endpoint: Endpoint) -> None:
    endpoint.provision(queues=[queue("events", MaximumMessageSize="1024")])
    endpoint.provision(queues=[queue("events")])
    endpoint.call("sqs", "SendMessage", QueueUrl=url("events"), MessageBody="x" * 2000)
    assert attributes(endpoint, "events")["MaximumMessageSize"] == "1048576"
    endpoint.call("sqs", "SetQueueAttributes", QueueUrl=url("events"), Attributes={"MaximumMessageSize": "262144"})
    endpoint.provision(queues=[queue("events")])  # what an endpoint has that knows no more
    assert attributes(endpoint, "events")["MaximumMessageSize"] == "262144"


def test_what_leaves_a_topic_leaves_the_one_that_is_kept(endpoint: Endpoint) -> None:
    by_content = {"name": "orders.fifo", "attributes": {"ContentBasedDeduplication": "true"}}
    endpoint.provision(topics=[by_content])
    publish(endpoint, "new", "orders.fifo", MessageGroupId="a")
    endpoint.provision(topics=[{"name": "orders.fifo", "published": False}])
    publish(endpoint, "another", "orders.fifo", MessageGroupId="a")
    endpoint.provision(topics=[{"name": "orders.fifo"}])
    with pytest.raises(Refused, match="MessageDeduplicationId"):
        publish(endpoint, "last", "orders.fifo", MessageGroupId="a")


def test_a_filter_lets_through_what_matches_and_can_be_taken_away(endpoint: Endpoint) -> None:
    request: dict[str, Any] = {"queues": [queue("events")], "topics": [{"name": "orders"}]}
    endpoint.provision(**request, subscriptions=[subscription('{"kind": ["new"]}')])
    publish(endpoint, "new")
    publish(endpoint, "old")
    assert received(endpoint) == ["new"]
    endpoint.provision(**request, subscriptions=[subscription()])
    publish(endpoint, "old")
    assert received(endpoint) == ["old"]


def test_a_queue_that_is_no_longer_subscribed_gets_nothing_more(endpoint: Endpoint) -> None:
    request: dict[str, Any] = {"queues": [queue("events")], "topics": [{"name": "orders"}]}
    endpoint.provision(**request, subscriptions=[subscription()])
    endpoint.provision(**request)
    publish(endpoint, "new")
    assert received(endpoint) == []


def test_subscriptions_of_other_queues_stay(endpoint: Endpoint) -> None:
    topics = [{"name": "orders"}]
    endpoint.provision(queues=[queue("events")], topics=topics, subscriptions=[subscription()])
    endpoint.provision(queues=[queue("others")], topics=topics)
    publish(endpoint, "new")
    assert received(endpoint) == ["new"]


def test_fifo_queues_and_topics_are_known_by_their_names(endpoint: Endpoint) -> None:
    endpoint.provision(
        queues=[queue("events.fifo")],
        topics=[{"name": "orders.fifo", "attributes": {"ContentBasedDeduplication": "true"}}],
        subscriptions=[{"topic": "orders.fifo", "queue": "events.fifo"}],
    )
    publish(endpoint, "new", "orders.fifo", MessageGroupId="a")
    publish(endpoint, "new", "orders.fifo", MessageGroupId="a")
    assert received(endpoint, "events.fifo") == ["new"]


def test_a_second_run_changes_nothing(endpoint: Endpoint) -> None:
    request: dict[str, Any] = {
        "queues": [queue("dead"), queue("events", RedrivePolicy=REDRIVE)],
        "topics": [{"name": "orders"}],
        "subscriptions": [subscription('{"kind": ["new"]}')],
    }
    first = endpoint.provision(**request)
    before = attributes(endpoint, "events")
    assert endpoint.provision(**request) == first
    assert attributes(endpoint, "events") == before
    publish(endpoint, "new")
    assert received(endpoint) == ["new"]


def test_what_the_endpoint_refuses_names_the_queue(endpoint: Endpoint) -> None:
    with pytest.raises(StackError) as error:
        endpoint.provision(queues=[queue("events", RedrivePolicy='{"maxReceiveCount": 3}')])
    assert error.value.subject == "queue events"
    assert "RedrivePolicy" in error.value.message
