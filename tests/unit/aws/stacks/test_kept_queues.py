"""A queue or topic of an addon template that is kept while the template changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.aws.stacks.problems import StackError
from tests.unit.aws.stacks.asking import Endpoint, stack
from tests.unit.aws.stacks.test_messaging import attributes, queue, received, url


def up(endpoint: Endpoint, kind: str, properties: dict[str, Any]) -> list[str]:
    """Makes or changes a queue or topic of these properties; the texts of the warnings."""
    resources = {"It": {"Type": kind, "Properties": properties}}
    template = f"Resources: {json.dumps(resources)}\nOutputs: {{Name: {{Value: !Ref It}}}}\n"
    return [warning["text"] for warning in endpoint.provision(stack(template))["warnings"]]


def test_tags_of_a_queue_are_those_of_its_template(endpoint: Endpoint) -> None:
    def tags() -> dict[str, str]:
        return dict(endpoint.call("sqs", "ListQueueTags", QueueUrl=url("mine")).get("Tags") or {})

    def make(**wanted: str) -> None:
        listed = [{"Key": key, "Value": value} for key, value in wanted.items()]
        assert up(endpoint, "AWS::SQS::Queue", {"QueueName": "mine", "Tags": listed}) == []

    make(a="1", b="2")
    make(b="3", c="4")
    assert tags() == {"b": "3", "c": "4"}
    make()
    assert tags() == {}


def test_settings_that_leave_the_template_of_a_queue_have_their_defaults(endpoint: Endpoint) -> None:
    up(endpoint, "AWS::SQS::Queue", {"QueueName": "mine", "MaximumMessageSize": 1024, "DelaySeconds": 5})
    up(endpoint, "AWS::SQS::Queue", {"QueueName": "mine"})
    found = attributes(endpoint, "mine")
    assert (found["MaximumMessageSize"], found["DelaySeconds"]) == ("1048576", "0")


def test_which_queues_may_redrive_to_a_queue(endpoint: Endpoint) -> None:
    def found() -> dict[str, Any] | None:
        policy = attributes(endpoint, "mine").get("RedriveAllowPolicy")
        return None if policy is None else dict(json.loads(policy))

    for policy in ({"redrivePermission": "denyAll"}, {"redrivePermission": "byQueue", "sourceQueueArns": ["arn:x"]}):
        for form in (policy, json.dumps(policy)):
            assert up(endpoint, "AWS::SQS::Queue", {"QueueName": "mine", "RedriveAllowPolicy": form}) == []
            assert found() == policy
    up(endpoint, "AWS::SQS::Queue", {"QueueName": "mine"})
    assert found() is None


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({}, "redrivePermission is missing"),
        ({"redrivePermission": "some"}, "redrivePermission is some"),
        ({"redrivePermission": "byQueue"}, "has no sourceQueueArns with byQueue"),
        ({"redrivePermission": "denyAll", "sourceQueueArns": ["a"]}, "has sourceQueueArns with denyAll"),
    ],
)
def test_who_may_redrive_has_one_of_sqs_forms(endpoint: Endpoint, policy: dict[str, Any], message: str) -> None:
    with pytest.raises(StackError, match=message):
        up(endpoint, "AWS::SQS::Queue", {"QueueName": "mine", "RedriveAllowPolicy": policy})


TOPIC = "arn:aws:sns:us-east-1:000000000000:orders"
DEAD = "arn:aws:sqs:us-east-1:000000000000:dead"


def subscribed(endpoint: Endpoint, **properties: Any) -> list[str]:
    """Subscribes a queue, which is then not there; what was published is in the queue `dead` or nowhere."""
    endpoint.provision(queues=[queue("events"), queue("dead")], topics=[{"name": "orders"}])
    given = {"TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": DEAD.replace("dead", "events"), **properties}
    assert up(endpoint, "AWS::SNS::Subscription", given) == []
    endpoint.call("sqs", "DeleteQueue", QueueUrl=url("events"))
    endpoint.call("sns", "Publish", TopicArn=TOPIC, Message="lost")
    return received(endpoint, "dead")


def test_what_a_subscription_cannot_deliver_goes_to_its_dead_letters(endpoint: Endpoint) -> None:
    assert subscribed(endpoint, RedrivePolicy={"deadLetterTargetArn": DEAD}) == ["lost"]


@pytest.mark.parametrize(
    ("policy", "message"), [({}, "RedrivePolicy lacks deadLetterTargetArn"), ("{", "RedrivePolicy is no JSON")]
)
def test_dead_letters_of_a_subscription_are_named(endpoint: Endpoint, policy: Any, message: str) -> None:
    with pytest.raises(StackError, match=message):
        subscribed(endpoint, RedrivePolicy=policy)


@pytest.mark.parametrize("policy", ["RedrivePolicy", "RedriveAllowPolicy"])
def test_a_policy_that_is_no_json_is_refused(endpoint: Endpoint, policy: str) -> None:
    with pytest.raises(StackError, match=f"{policy} is no JSON"):
        up(endpoint, "AWS::SQS::Queue", {policy: "{"})


@pytest.mark.parametrize("later", [True, False])
def test_dead_letters_that_leave_a_subscription(endpoint: Endpoint, later: bool) -> None:
    first, then = ({}, {"RedrivePolicy": json.dumps({"deadLetterTargetArn": DEAD})})[:: 1 if later else -1]
    given = {"TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": DEAD.replace("dead", "events")}
    endpoint.provision(queues=[queue("events"), queue("dead")], topics=[{"name": "orders"}])
    up(endpoint, "AWS::SNS::Subscription", {**given, **first})
    assert subscribed(endpoint, **then) == (["lost"] if later else [])


def test_dead_letters_of_a_subscription_by_http_are_told_as_without_effect(endpoint: Endpoint) -> None:
    endpoint.provision(topics=[{"name": "orders"}])
    given = {"TopicArn": TOPIC, "Protocol": "http", "Endpoint": "http://127.0.0.1:1/"}
    assert up(endpoint, "AWS::SNS::Subscription", {**given, "RedrivePolicy": {"deadLetterTargetArn": DEAD}}) == [
        "demo-test-api-AddonsStack: RedrivePolicy of the subscription It by http has no effect here: "
        "what cannot be delivered is dropped"
    ]


def test_the_name_that_a_topic_no_longer_shows(endpoint: Endpoint) -> None:
    def shown() -> str:
        arn = "arn:aws:sns:us-east-1:000000000000:mine"
        return str(endpoint.call("sns", "GetTopicAttributes", TopicArn=arn)["Attributes"]["DisplayName"])

    up(endpoint, "AWS::SNS::Topic", {"TopicName": "mine", "DisplayName": "Mine"})
    assert shown() == "Mine"
    up(endpoint, "AWS::SNS::Topic", {"TopicName": "mine"})
    assert shown() == ""
