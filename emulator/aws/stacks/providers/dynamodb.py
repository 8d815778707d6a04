"""Tables, paid per request.

Source: CloudFormation, AWS::DynamoDB::Table and AWS::Serverless::SimpleTable; DynamoDB API, CreateTable.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.stacks.clients import Refused
from emulator.aws.stacks.context import Context
from emulator.aws.stacks.names import physical_name
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import Value, as_map, is_true, text

_KEYS = ("KeySchema", "AttributeDefinitions", "LocalSecondaryIndexes", "GlobalSecondaryIndexes")
_SIMPLE_TYPES = {"String": "S", "Number": "N", "Binary": "B"}


def table(context: Context, resource: Resource) -> Made:
    return _ensure(context, resource, resource.properties)


def simple_table(context: Context, resource: Resource) -> Made:
    """A table of the Serverless Application Model: one key, `id` unless it says otherwise."""
    key = as_map(resource.properties.get("PrimaryKey"), "PrimaryKey")
    name, kind = text(key.get("Name", "id")), text(key.get("Type", "String"))
    if kind not in _SIMPLE_TYPES:
        raise Problem(f"the primary key's type is {kind}", f"give one of {', '.join(_SIMPLE_TYPES)}")
    properties: dict[str, Value] = {
        "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": _SIMPLE_TYPES[kind]}],
    }
    if "TableName" in resource.properties:
        properties["TableName"] = resource.properties["TableName"]
    return _ensure(context, resource, properties)


def _ensure(context: Context, resource: Resource, properties: dict[str, Value]) -> Made:
    clients = context.clients
    name = text(properties.get("TableName") or physical_name(resource.stack, resource.logical_id))
    wanted = clients.arguments("dynamodb", "CreateTable", {key: properties[key] for key in _KEYS if key in properties})
    for index in wanted.get("GlobalSecondaryIndexes", []):
        index.pop("ProvisionedThroughput", None)
    stream = _stream(properties)
    try:
        present = clients.call("dynamodb", "DescribeTable", TableName=name)["Table"]
        _require_same_keys(name, present, wanted)
        _add_indexes(context, name, present, wanted)
        if stream and present.get("StreamSpecification") != stream:
            present = clients.call("dynamodb", "UpdateTable", TableName=name, StreamSpecification=stream)[
                "TableDescription"
            ]
    except Refused as error:
        if error.code != "ResourceNotFoundException":
            raise
        more = {"StreamSpecification": stream} if stream else {}
        answer = clients.call(
            "dynamodb", "CreateTable", TableName=name, BillingMode="PAY_PER_REQUEST", **wanted, **more
        )
        present = answer["TableDescription"]
    _set_time_to_live(context, name, properties)
    attributes: dict[str, Value] = {"Arn": present["TableArn"]}
    if stream:
        attributes["StreamArn"] = present.get("LatestStreamArn", "")
    return Made(name, attributes)


def _stream(properties: dict[str, Value]) -> dict[str, Any]:
    view = as_map(properties.get("StreamSpecification"), "StreamSpecification").get("StreamViewType")
    return {"StreamEnabled": True, "StreamViewType": text(view)} if view else {}


def _require_same_keys(name: str, present: dict[str, Any], wanted: dict[str, Any]) -> None:
    types = {item["AttributeName"]: item["AttributeType"] for item in present["AttributeDefinitions"]}
    asked = {item["AttributeName"]: item["AttributeType"] for item in wanted.get("AttributeDefinitions", [])}
    local, local_asked = (
        {index["IndexName"]: _keys(index) for index in side.get("LocalSecondaryIndexes") or []}
        for side in (present, wanted)
    )
    keys = _keys(present)
    changed = keys != _keys(wanted) or any(types[key] != asked.get(key) for key, _ in keys) or local != local_asked
    if changed:
        raise Problem(
            f"the table {name} has other keys than the template: made anew, its data would go",
            f"keep the keys, give the table another name, or delete it: "
            f"copilot-local aws dynamodb delete-table --table-name {name}",
        )


def _keys(side: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key["AttributeName"], key["KeyType"]) for key in side.get("KeySchema", [])]


def _add_indexes(context: Context, name: str, present: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Adds the global indexes that an existing table lacks. Those that the template lost stay: they cost nothing."""
    there = {index["IndexName"] for index in present.get("GlobalSecondaryIndexes") or []}
    for index in wanted.get("GlobalSecondaryIndexes", []):
        if index["IndexName"] not in there:
            context.clients.call(
                "dynamodb",
                "UpdateTable",
                TableName=name,
                AttributeDefinitions=wanted["AttributeDefinitions"],
                GlobalSecondaryIndexUpdates=[{"Create": index}],
            )


def _set_time_to_live(context: Context, name: str, properties: dict[str, Value]) -> None:
    given = as_map(properties.get("TimeToLiveSpecification"), "TimeToLiveSpecification")
    if not given:
        return
    enabled = is_true(given.get("Enabled"))
    present = context.clients.call("dynamodb", "DescribeTimeToLive", TableName=name)["TimeToLiveDescription"]
    if (present.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")) != enabled:
        context.clients.call(
            "dynamodb",
            "UpdateTimeToLive",
            TableName=name,
            TimeToLiveSpecification={"Enabled": enabled, "AttributeName": text(given.get("AttributeName", ""))},
        )
