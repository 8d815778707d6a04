"""Tables, paid per request.

Source: CloudFormation, AWS::DynamoDB::Table and AWS::Serverless::SimpleTable; DynamoDB API, CreateTable.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.stacks.clients import Clients
from emulator.aws.stacks.context import Context
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.providers.kept_tables import Kept, Settings, require_same_keys, set_expiry
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import Value, as_map, is_true, text

_KEYS = ("KeySchema", "AttributeDefinitions", "LocalSecondaryIndexes", "GlobalSecondaryIndexes")
_SIMPLE_TYPES = {"String": "S", "Number": "N", "Binary": "B"}


def table(context: Context, resource: Resource) -> Made:
    properties = resource.properties
    return _ensure(context, resource, properties, Settings(_stream(properties), _expiry(properties)))


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
    return _ensure(context, resource, properties)


def _ensure(
    context: Context, resource: Resource, properties: dict[str, Value], settings: Settings | None = None
) -> Made:
    """Makes the table, or changes the one there is. Without `settings` it keeps those that it was given by hand."""
    clients = context.clients
    name = resource.name("TableName")
    wanted = clients.arguments("dynamodb", "CreateTable", {key: properties[key] for key in _KEYS if key in properties})
    for index in wanted.get("GlobalSecondaryIndexes", []):
        index.pop("ProvisionedThroughput", None)
    answer = clients.attempt(("ResourceNotFoundException",), "dynamodb", "DescribeTable", TableName=name)
    if answer is None:
        present = _create(clients, name, wanted, settings)
    else:
        present = answer["Table"]
        require_same_keys(name, present, wanted)
        if settings:
            present = Kept(context, resource, name, present).become(wanted, settings)
    attributes: dict[str, Value] = {"Arn": present["TableArn"]}
    if settings and settings.stream:
        attributes["StreamArn"] = present.get("LatestStreamArn", "")
    return Made(name, attributes)


def _create(clients: Clients, name: str, wanted: dict[str, Any], settings: Settings | None) -> dict[str, Any]:
    if settings and settings.stream:
        wanted = {**wanted, "StreamSpecification": {"StreamEnabled": True, "StreamViewType": settings.stream}}
    answer = clients.call("dynamodb", "CreateTable", TableName=name, BillingMode="PAY_PER_REQUEST", **wanted)
    if settings and settings.expiry:
        set_expiry(clients, name, settings.expiry, on=True)
    made: dict[str, Any] = answer["TableDescription"]
    return made


def _stream(properties: dict[str, Value]) -> str:
    """The view type of the stream; empty where there is none."""
    return text(as_map(properties.get("StreamSpecification"), "StreamSpecification").get("StreamViewType") or "")


def _expiry(properties: dict[str, Value]) -> str:
    """The attribute by which items expire; empty where they do not."""
    given = as_map(properties.get("TimeToLiveSpecification"), "TimeToLiveSpecification")
    if not is_true(given.get("Enabled")):
        return ""
    attribute = text(given.get("AttributeName") or "")
    if not attribute:
        raise Problem("TimeToLiveSpecification has no AttributeName", "name the attribute by which items expire")
    return attribute
