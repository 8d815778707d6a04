"""User pools and their clients.

Source: CloudFormation, AWS::Cognito::UserPool and AWS::Cognito::UserPoolClient, whose properties are the API's.
"""

from __future__ import annotations

from emulator.aws.stacks.context import Context
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import Secret, Value, text

_SERVICE = "cognito-idp"
_MOST_NAME = 128
_PAGE = 60


def user_pool(context: Context, resource: Resource) -> Made:
    properties, clients = resource.properties, context.clients
    name = resource.name("UserPoolName", most=_MOST_NAME)
    pools = clients.listed(_SERVICE, "ListUserPools", "UserPools", MaxResults=_PAGE)
    pool_id = next((pool["Id"] for pool in pools if pool["Name"] == name), None)
    if pool_id is None:
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
    name = resource.name("ClientName", most=_MOST_NAME)
    of_pool = clients.listed(_SERVICE, "ListUserPoolClients", "UserPoolClients", UserPoolId=pool, MaxResults=_PAGE)
    client_id = next((item["ClientId"] for item in of_pool if item["ClientName"] == name), None)
    if client_id is not None:
        found = clients.call(_SERVICE, "DescribeUserPoolClient", UserPoolId=pool, ClientId=client_id)
    else:
        arguments = clients.arguments(_SERVICE, "CreateUserPoolClient", {**properties, "ClientName": name})
        found = clients.call(_SERVICE, "CreateUserPoolClient", **arguments)
    client = found["UserPoolClient"]
    attributes: dict[str, Value] = {"ClientId": client["ClientId"], "Name": name}
    if client.get("ClientSecret"):
        attributes["ClientSecret"] = Secret(client["ClientSecret"])
    return Made(client["ClientId"], attributes)
