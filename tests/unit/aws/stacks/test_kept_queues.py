"""A queue or topic of an addon template that is kept while the template changes."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.aws.stacks.asking import Endpoint, stack
from tests.unit.aws.stacks.test_messaging import attributes, url


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


def test_the_name_that_a_topic_no_longer_shows(endpoint: Endpoint) -> None:
    def shown() -> str:
        arn = "arn:aws:sns:us-east-1:000000000000:mine"
        return str(endpoint.call("sns", "GetTopicAttributes", TopicArn=arn)["Attributes"]["DisplayName"])

    up(endpoint, "AWS::SNS::Topic", {"TopicName": "mine", "DisplayName": "Mine"})
    assert shown() == "Mine"
    up(endpoint, "AWS::SNS::Topic", {"TopicName": "mine"})
    assert shown() == ""
