"""User pools and their clients.

Source: CloudFormation, AWS::Cognito::UserPool and AWS::Cognito::UserPoolClient, whose properties are the API's.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.stacks.context import Context
from emulator.aws.stacks.names import physical_name
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import Secret, Value, text

_SERVICE = "cognito-idp"
_MOST_NAME = 128


def user_pool(context: Context, resource: Resource) -> Made:
    properties, clients = resource.properties, context.clients
    name = text(properties.get("UserPoolName") or physical_name(resource.stack, resource.logical_id, most=_MOST_NAME))
    there = [pool["Id"] for pool in _all(context, "ListUserPools", "UserPools") if pool["Name"] == name]
    if there:
        [pool_id, *_] = there
    else:
        arguments = clients.arguments(_SERVICE, "CreateUserPool", {**properties, "PoolName": name})
        pool_id = clients.call(_SERVICE, "CreateUserPool", **arguments)["UserPool"]["Id"]
    provider = f"cognito-idp.{context.place.region}.{context.place.url_suffix}/{pool_id}"
    return Made(
        pool_id,
        {
            "Arn": context.place.arn(_SERVICE, f"userpool/{pool_id}"),
            "ProviderName": provider,
            "ProviderURL": f"https://{provider}",
            "UserPoolId": pool_id,
        },
    )


def user_pool_client(context: Context, resource: Resource) -> Made:
    properties, clients = resource.properties, context.clients
    pool = text(properties.get("UserPoolId", ""))
    name = text(properties.get("ClientName") or physical_name(resource.stack, resource.logical_id, most=_MOST_NAME))
    there = [
        item["ClientId"]
        for item in _all(context, "ListUserPoolClients", "UserPoolClients", UserPoolId=pool)
        if item["ClientName"] == name
    ]
    if there:
        found = clients.call(_SERVICE, "DescribeUserPoolClient", UserPoolId=pool, ClientId=there[0])
    else:
        arguments = clients.arguments(_SERVICE, "CreateUserPoolClient", {**properties, "ClientName": name})
        found = clients.call(_SERVICE, "CreateUserPoolClient", **arguments)
    client = found["UserPoolClient"]
    attributes: dict[str, Value] = {"ClientId": client["ClientId"], "Name": name}
    if client.get("ClientSecret"):
        attributes["ClientSecret"] = Secret(client["ClientSecret"])
    return Made(client["ClientId"], attributes)


def _all(context: Context, operation: str, key: str, **arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        answer = context.clients.call(_SERVICE, operation, MaxResults=60, **arguments, **token)
        found += answer.get(key, [])
        if not answer.get("NextToken"):
            return found
        token = {"NextToken": answer["NextToken"]}
