"""Topics as programs use them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.aws.contract.programs import Aws, message_of


def attribute(value: Any) -> dict[str, str]:
    if isinstance(value, list):
        return {"DataType": "String.Array", "StringValue": json.dumps(value)}
    return {"DataType": "String" if isinstance(value, str) else "Number", "StringValue": str(value)}


def test_the_body_in_a_queue_is_the_envelope(aws: Aws) -> None:
    topic, url = aws.subscribed()
    aws.sns.publish(TopicArn=topic, Message="hello", Subject="s", MessageAttributes={"kind": attribute("new")})
    [body] = aws.bodies(url)
    envelope = json.loads(body)
    assert envelope.items() >= {"Type": "Notification", "TopicArn": topic, "Message": "hello", "Subject": "s"}.items()
    assert envelope["MessageAttributes"] == {"kind": {"Type": "String", "Value": "new"}}


def test_raw_delivery_gives_message_and_attributes_as_they_are(aws: Aws) -> None:
    topic, url = aws.subscribed(RawMessageDelivery="true")
    aws.sns.publish(TopicArn=topic, Message="hello", MessageAttributes={"kind": attribute("new")})
    [message] = aws.receive(url)
    assert message["Body"] == "hello"
    assert message["MessageAttributes"]["kind"]["StringValue"] == "new"


@pytest.mark.parametrize(
    ("policy", "passing", "stopped"),
    [
        (["a", "b"], "b", "c"),
        ([{"prefix": "or"}], "order", "border"),
        ([{"suffix": ".png"}], "a.png", "a.jpg"),
        ([{"anything-but": ["a"]}], "b", "a"),
        ([{"anything-but": {"prefix": "a"}}], "b", "ab"),
        ([{"equals-ignore-case": "NEW"}], "new", "old"),
        ([{"wildcard": "a*z"}], "abcz", "abc"),
        ([{"numeric": [">", 5, "<=", 10]}], 10, 5),
        ([{"numeric": ["=", 3]}], 3.0, 4),
        ([{"cidr": "10.0.0.0/8"}], "10.1.2.3", "11.1.2.3"),
        (["x"], ["x", "y"], ["y"]),
    ],
    ids=str,
)
def test_a_filter_lets_through_what_matches(aws: Aws, policy: list[Any], passing: Any, stopped: Any) -> None:
    topic, url = aws.subscribed(FilterPolicy=json.dumps({"kind": policy}))
    for name, value in (("stopped", stopped), ("passing", passing)):
        aws.sns.publish(TopicArn=topic, Message=name, MessageAttributes={"kind": attribute(value)})
    assert [message_of(body) for body in aws.bodies(url)] == ["passing"]


@pytest.mark.parametrize(("exists", "passing"), [(True, "with"), (False, "without")])
def test_a_filter_may_ask_whether_an_attribute_is_there(aws: Aws, exists: bool, passing: str) -> None:
    topic, url = aws.subscribed(FilterPolicy=json.dumps({"kind": [{"exists": exists}]}))
    aws.sns.publish(TopicArn=topic, Message="with", MessageAttributes={"kind": attribute("x")})
    aws.sns.publish(TopicArn=topic, Message="without", MessageAttributes={"other": attribute("x")})
    assert [message_of(body) for body in aws.bodies(url)] == [passing]


def test_a_filter_may_look_into_the_body(aws: Aws) -> None:
    topic, url = aws.subscribed(FilterPolicy='{"order": {"state": ["new"]}}', FilterPolicyScope="MessageBody")
    for state in ("old", "new"):
        aws.sns.publish(TopicArn=topic, Message=json.dumps({"order": {"state": state}}))
    assert [json.loads(message_of(body)) for body in aws.bodies(url)] == [{"order": {"state": "new"}}]


def test_a_batch_is_published(aws: Aws) -> None:
    topic, url = aws.subscribed()
    entries = [{"Id": str(number), "Message": str(number)} for number in range(5)]
    assert len(aws.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)["Successful"]) == 5
    assert sorted(message_of(body) for body in aws.bodies(url)) == ["0", "1", "2", "3", "4"]


def test_a_fifo_topic_passes_its_deduplication_id_to_a_plain_fifo_queue(aws: Aws) -> None:
    topic, url = aws.subscribed("news.fifo", "jobs.fifo")
    for _ in range(2):
        aws.sns.publish(TopicArn=topic, Message="one", MessageGroupId="a", MessageDeduplicationId="x")
    assert [message_of(body) for body in aws.bodies(url)] == ["one"]
