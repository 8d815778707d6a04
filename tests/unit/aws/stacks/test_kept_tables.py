"""A table that is kept while its template changes: it becomes what the template says, or the change is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from emulator.aws.stacks.problems import StackError
from tests.unit.aws.stacks.asking import Endpoint, stack

TABLE: dict[str, Any] = {
    "TableName": "orders",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "time", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"},
        {"AttributeName": "time", "AttributeType": "N"},
        {"AttributeName": "customer", "AttributeType": "S"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-customer",
            "KeySchema": [{"AttributeName": "customer", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["a", "b"]},
        }
    ],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "local",
            "KeySchema": [
                {"AttributeName": "id", "KeyType": "HASH"},
                {"AttributeName": "customer", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
    "TimeToLiveSpecification": {"AttributeName": "old", "Enabled": True},
    "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
}
ITEM = {"id": {"S": "1"}, "time": {"N": "1"}, "customer": {"S": "c"}}


def changed(**properties: Any) -> dict[str, Any]:
    """The table with other properties; None takes one out."""
    found = {**copy.deepcopy(TABLE), **properties}
    return {name: value for name, value in found.items() if value is not None}


def index(name: str = "by-customer", key: str = "customer", **projection: Any) -> dict[str, Any]:
    projection = projection or {"ProjectionType": "ALL"}
    return {
        "IndexName": name,
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "Projection": projection,
    }


def up(endpoint: Endpoint, properties: Mapping[str, Any], kind: str = "AWS::DynamoDB::Table") -> list[str]:
    """Makes a table of these properties, or changes it; the texts of the warnings."""
    resources = {"T": {"Type": kind, "Properties": properties}}
    template = f"Resources: {json.dumps(resources)}\nOutputs: {{Name: {{Value: !Ref T}}}}\n"
    return [warning["text"] for warning in endpoint.provision(stack(template))["warnings"]]


def described(endpoint: Endpoint) -> Mapping[str, Any]:
    table: Mapping[str, Any] = endpoint.call("dynamodb", "DescribeTable", TableName="orders")["Table"]
    return table


def expiring(endpoint: Endpoint) -> tuple[str, str | None]:
    found = endpoint.call("dynamodb", "DescribeTimeToLive", TableName="orders")["TimeToLiveDescription"]
    return found["TimeToLiveStatus"], found.get("AttributeName")


def indexes(endpoint: Endpoint) -> list[str]:
    return [one["IndexName"] for one in described(endpoint).get("GlobalSecondaryIndexes") or []]


def refused(endpoint: Endpoint, properties: Mapping[str, Any]) -> StackError:
    """What says that the table does not become this; it is as it was then, with its item."""
    up(endpoint, TABLE)
    endpoint.call("dynamodb", "PutItem", TableName="orders", Item=ITEM)
    before = (described(endpoint), expiring(endpoint))
    with pytest.raises(StackError) as error:
        up(endpoint, properties)
    assert error.value.subject == "Resources.T"
    now = (described(endpoint), expiring(endpoint))
    assert now == before
    return error.value


def test_the_same_template_changes_nothing(endpoint: Endpoint) -> None:
    assert up(endpoint, TABLE) == []
    before = described(endpoint)
    turned = changed(
        GlobalSecondaryIndexes=[index(ProjectionType="INCLUDE", NonKeyAttributes=["b", "a"])],
        AttributeDefinitions=TABLE["AttributeDefinitions"][::-1],
    )
    assert up(endpoint, turned) == []
    assert described(endpoint) == before
    assert expiring(endpoint) == ("ENABLED", "old")


@pytest.mark.parametrize(
    "other",
    [
        index(ProjectionType="ALL"),
        index(ProjectionType="INCLUDE", NonKeyAttributes=["a"]),
        index(key="id", ProjectionType="INCLUDE", NonKeyAttributes=["a", "b"]),
    ],
)
def test_an_index_that_has_another_key_or_projection_is_refused_as_by_cloudformation(
    endpoint: Endpoint, other: dict[str, Any]
) -> None:
    stream = {"StreamViewType": "KEYS_ONLY"}  # which is not changed either
    error = refused(endpoint, changed(GlobalSecondaryIndexes=[other], StreamSpecification=stream))
    assert "the index by-customer of the table orders" in error.message
    assert "CloudFormation refuses" in error.message
    assert """'[{"Delete": {"IndexName": "by-customer"}}]'""" in error.hint


@pytest.mark.parametrize(
    ("what", "properties"),
    [
        (
            "local indexes",
            {"LocalSecondaryIndexes": [{**TABLE["LocalSecondaryIndexes"][0], "Projection": {"ProjectionType": "ALL"}}]},
        ),
        (
            "keys",
            {
                "AttributeDefinitions": [
                    *TABLE["AttributeDefinitions"][:2],
                    {"AttributeName": "customer", "AttributeType": "N"},
                ]
            },
        ),
        ("keys", {"KeySchema": TABLE["KeySchema"][:1], "LocalSecondaryIndexes": None}),
    ],
)
def test_what_cloudformation_makes_a_table_anew_for_is_refused(
    endpoint: Endpoint, what: str, properties: dict[str, Any]
) -> None:
    error = refused(endpoint, changed(**properties))
    assert error.message == f"the table orders has other {what} than the template: made anew, its data would go"


def test_another_attribute_of_time_to_live_is_refused_while_it_is_on(endpoint: Endpoint) -> None:
    new = {"AttributeName": "new", "Enabled": True}
    error = refused(endpoint, changed(TimeToLiveSpecification=new, GlobalSecondaryIndexes=None))
    assert error.message == (
        "the table orders expires items by old, and the template says new: CloudFormation refuses to change it"
    )
    assert "Enabled: false" in error.hint
    up(endpoint, changed(TimeToLiveSpecification={**new, "Enabled": False}))
    assert expiring(endpoint)[0] == "DISABLED"
    up(endpoint, changed(TimeToLiveSpecification=new))
    assert expiring(endpoint) == ("ENABLED", "new")


def test_time_to_live_without_an_attribute_is_refused(endpoint: Endpoint) -> None:
    with pytest.raises(StackError, match="TimeToLiveSpecification has no AttributeName"):
        up(endpoint, changed(TimeToLiveSpecification={"Enabled": True}))
    assert endpoint.call("dynamodb", "ListTables")["TableNames"] == []


def test_time_to_live_and_stream_that_leave_the_template_are_off_and_that_is_told(endpoint: Endpoint) -> None:
    up(endpoint, TABLE)
    bare = changed(TimeToLiveSpecification=None, StreamSpecification=None)
    assert up(endpoint, bare) == [
        "demo-test-api-AddonsStack: the table orders expired items by old, and does no more: "
        "its template has no time to live",
        "demo-test-api-AddonsStack: the table orders had a stream, and has none any more: its template has none",
    ]
    assert expiring(endpoint)[0] == "DISABLED"
    assert not (described(endpoint).get("StreamSpecification") or {}).get("StreamEnabled")
    assert up(endpoint, bare) == []


def test_another_view_of_a_stream_is_another_stream(endpoint: Endpoint) -> None:
    up(endpoint, TABLE)
    before = described(endpoint)["LatestStreamArn"]
    assert up(endpoint, changed(StreamSpecification={"StreamViewType": "KEYS_ONLY"})) == []
    now = described(endpoint)
    assert now["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    assert now["LatestStreamArn"] != before


def test_an_index_that_leaves_the_template_is_deleted_and_that_is_told(endpoint: Endpoint) -> None:
    up(endpoint, TABLE)
    bare = changed(GlobalSecondaryIndexes=None)
    assert up(endpoint, bare) == [
        "demo-test-api-AddonsStack: the table orders had the index by-customer, and has it no more: "
        "its template has none of this name"
    ]
    assert indexes(endpoint) == []
    assert up(endpoint, bare) == []


def test_several_indexes_at_once_are_made_and_aws_takes_one(endpoint: Endpoint) -> None:
    up(endpoint, TABLE)
    three = [*TABLE["GlobalSecondaryIndexes"], index("second"), index("third")]
    assert up(endpoint, changed(GlobalSecondaryIndexes=three)) == [
        "demo-test-api-AddonsStack: the table orders gets or loses the indexes second, third: "
        "CloudFormation takes one such change at a time"
    ]
    assert indexes(endpoint) == ["by-customer", "second", "third"]
    assert up(endpoint, changed(GlobalSecondaryIndexes=three)) == []


def test_what_a_template_of_a_simple_table_cannot_say_stays(endpoint: Endpoint) -> None:
    simple = {"TableName": "orders"}
    up(endpoint, simple, "AWS::Serverless::SimpleTable")
    on = {"AttributeName": "mine", "Enabled": True}
    endpoint.call("dynamodb", "UpdateTimeToLive", TableName="orders", TimeToLiveSpecification=on)
    assert up(endpoint, simple, "AWS::Serverless::SimpleTable") == []
    assert expiring(endpoint) == ("ENABLED", "mine")
