"""Every type of the table, made on an endpoint: what `Ref` and the attributes are, and again the same."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.aws.stacks.names import database_identifier
from emulator.aws.stacks.problems import StackError
from emulator.aws.stacks.providers.registry import PROVIDERS
from emulator.ecs.addons.types import TYPES, Kind, resource_type
from tests.unit.aws.stacks.asking import Endpoint

NAME = "stack"
KEYS: dict[str, Any] = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
}
TOPIC: dict[str, Any] = {"Type": "AWS::SNS::Topic"}
QUEUE: dict[str, Any] = {"Type": "AWS::SQS::Queue"}
SECRET: dict[str, Any] = {
    "Type": "AWS::SecretsManager::Secret",
    "Properties": {"GenerateSecretString": {"SecretStringTemplate": "{}", "GenerateStringKey": "password"}},
}
POSTGRES: dict[str, Any] = {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "postgres"}}
POOL: dict[str, Any] = {"Type": "AWS::Cognito::UserPool"}
GROUP: dict[str, Any] = {"Type": "AWS::Logs::LogGroup"}

MADE: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "AWS::S3::Bucket": ({}, {}, ["Arn", "DomainName", "RegionalDomainName", "WebsiteURL"]),
    "AWS::DynamoDB::Table": (
        {**KEYS, "StreamSpecification": {"StreamViewType": "NEW_IMAGE"}},
        {},
        ["Arn", "StreamArn"],
    ),
    "AWS::Serverless::SimpleTable": ({}, {}, ["Arn"]),
    "AWS::SQS::Queue": ({}, {}, ["Arn", "QueueName", "QueueUrl"]),
    "AWS::SNS::Topic": ({}, {}, ["TopicArn", "TopicName"]),
    "AWS::SNS::Subscription": (
        {"TopicArn": {"Ref": "T"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": "Q.Arn"}},
        {"T": TOPIC, "Q": QUEUE},
        ["Arn"],
    ),
    "AWS::SecretsManager::Secret": (SECRET["Properties"], {}, ["Id"]),
    "AWS::SecretsManager::SecretTargetAttachment": (
        {"SecretId": {"Ref": "S"}, "TargetId": {"Ref": "D"}, "TargetType": "AWS::RDS::DBInstance"},
        {"S": SECRET, "D": POSTGRES},
        ["Id"],
    ),
    "AWS::SSM::Parameter": ({"Type": "String", "Value": "v"}, {}, ["Type", "Value"]),
    "AWS::KMS::Key": ({}, {}, ["Arn", "KeyId"]),
    "AWS::KMS::Alias": (
        {"AliasName": "alias/mine", "TargetKeyId": {"Ref": "K"}},
        {"K": {"Type": "AWS::KMS::Key"}},
        [],
    ),
    "AWS::Logs::LogGroup": ({"RetentionInDays": "7"}, {}, ["Arn"]),
    "AWS::Logs::LogStream": ({"LogGroupName": {"Ref": "G"}}, {"G": GROUP}, []),
    "AWS::Cognito::UserPool": (
        {"Policies": {"PasswordPolicy": {"MinimumLength": "8", "RequireSymbols": "false"}}},
        {},
        ["Arn", "ProviderName", "ProviderURL", "UserPoolId"],
    ),
    "AWS::Cognito::UserPoolClient": (
        {"UserPoolId": {"Ref": "P"}, "GenerateSecret": "true"},
        {"P": POOL},
        ["ClientId", "ClientSecret", "Name"],
    ),
    "AWS::RDS::DBCluster": (
        {"Engine": "aurora-mysql", "MasterUsername": "admin", "ManageMasterUserPassword": True},
        {},
        ["DBClusterArn", "Endpoint.Address", "Endpoint.Port", "MasterUserSecret.SecretArn", "ReadEndpoint.Address"],
    ),
    "AWS::RDS::DBInstance": (POSTGRES["Properties"], {}, ["DBInstanceArn", "Endpoint.Address", "Endpoint.Port"]),
    "AWS::ElastiCache::CacheCluster": ({"Engine": "redis"}, {}, ["RedisEndpoint.Address", "RedisEndpoint.Port"]),
    "AWS::ElastiCache::ReplicationGroup": (
        {},
        {},
        ["PrimaryEndPoint.Address", "PrimaryEndPoint.Port", "ReaderEndPoint.Address", "ConfigurationEndPoint.Port"],
    ),
    "AWS::ElastiCache::ServerlessCache": ({"Engine": "valkey"}, {}, ["Endpoint.Address", "Endpoint.Port"]),
}
"""By type: its properties, what else its template has, and attributes that it gives."""


def asked(kind: str, properties: dict[str, Any], others: dict[str, Any], attributes: list[str]) -> dict[str, Any]:
    """A stack with one resource of a type, whose `Ref` and attributes are outputs."""
    values = {"Ref": {"Ref": "It"}, **{name.replace(".", ""): {"Fn::GetAtt": f"It.{name}"} for name in attributes}}
    return {
        "name": NAME,
        "template": {
            "Resources": {**others, "It": {"Type": kind, "Properties": properties}},
            "Outputs": {name: {"Value": value} for name, value in values.items()},
        },
        "positions": {"Resources.It": "addons/it.yml:4"},
    }


def planned(*logical_ids: str, engine: str = "postgres") -> dict[str, Any]:
    """Containers that the command line planned."""
    return {
        f"{NAME}/{name}": {
            "host": f"{name.lower()}.local",
            "port": 5432,
            "engine": engine,
            "identifier": database_identifier(NAME, name),
        }
        for name in logical_ids
    }


@pytest.mark.parametrize("kind", MADE)
def test_a_type_is_made_gives_its_attributes_and_is_found_again(endpoint: Endpoint, kind: str) -> None:
    stack = asked(kind, *MADE[kind])
    first = endpoint.provision(stack, databases=planned("It", "D"))
    outputs = first["stacks"][NAME]["outputs"]
    assert all(output["value"] for output in outputs.values())
    assert first["warnings"] == []
    assert endpoint.provision(stack, databases=planned("It", "D")) == first


def test_an_instance_that_names_a_cluster_which_is_made_after_it_is_told_to_refer_to_it(endpoint: Endpoint) -> None:
    cluster = {"Type": "AWS::RDS::DBCluster", "Properties": {"Engine": "aurora-postgresql"}}
    stack = asked("AWS::RDS::DBInstance", {"DBClusterIdentifier": database_identifier(NAME, "D")}, {}, [])
    stack["template"]["Resources"]["D"] = cluster
    with pytest.raises(StackError, match="is made after it") as error:
        endpoint.provision(stack, databases=planned("D"))
    assert (error.value.subject, error.value.position) == ("Resources.It", "addons/it.yml:4")


@pytest.mark.parametrize("kind", sorted(name for name, row in TYPES.items() if row.kind is Kind.NAMED))
def test_a_named_type_has_a_name_and_no_warning(endpoint: Endpoint, kind: str) -> None:
    answer = endpoint.provision(asked(kind, {}, {}, []))
    assert answer["stacks"][NAME]["outputs"]["Ref"]["value"]
    assert answer["warnings"] == []


@pytest.mark.parametrize(
    "kind", ["Custom::Thing", *sorted(name for name, row in TYPES.items() if row.kind is Kind.WARNED)]
)
def test_a_type_that_is_missed_has_a_name_and_a_warning_with_its_place(endpoint: Endpoint, kind: str) -> None:
    answer = endpoint.provision(asked(kind, {}, {}, ["Arn"]))
    assert answer["stacks"][NAME]["outputs"]["Arn"]["value"]
    warning = answer["warnings"][0]
    assert warning["position"] == "addons/it.yml:4"
    assert kind in warning["text"]


@pytest.mark.parametrize(
    "kind", ["AWS::Never::Heard", *sorted(name for name, row in TYPES.items() if row.kind is Kind.REFUSED)]
)
def test_a_refused_type_is_an_error_with_its_place(endpoint: Endpoint, kind: str) -> None:
    with pytest.raises(StackError, match=f"{kind} is not emulated") as error:
        endpoint.provision(asked(kind, {}, {}, []))
    assert error.value.as_json() == {
        "stack": NAME,
        "subject": "Resources.It",
        "position": "addons/it.yml:4",
        "message": f"{kind} is not emulated",
        "hint": "give its outputs under [values] in copilot-local.toml, or run it beside the workloads as a container",
    }


def test_every_type_that_is_made_has_a_provider_and_a_case_here() -> None:
    made = {name for name, row in TYPES.items() if row.kind in (Kind.MADE, Kind.PROGRAM)}
    assert made == set(MADE)
    assert made == set(PROVIDERS)


def test_a_type_of_a_row_says_what_happens() -> None:
    assert resource_type("AWS::S3::Bucket").kind is Kind.MADE
    assert resource_type("Custom::Whatever").kind is Kind.WARNED
    assert resource_type("AWS::Nothing::AtAll").kind is Kind.REFUSED
    assert all(row.text.endswith(".") for row in TYPES.values())
