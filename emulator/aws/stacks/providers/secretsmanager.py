"""Secrets, their generated words, and what a database adds to its secret.

Source: CloudFormation, AWS::SecretsManager::Secret and AWS::SecretsManager::SecretTargetAttachment; Secrets Manager
User Guide, "JSON structure of Secrets Manager secrets".
"""

from __future__ import annotations

import json
import re

from emulator.aws.stacks.clients import Clients
from emulator.aws.stacks.context import Context
from emulator.aws.stacks.passwords import generated_secret
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import as_map, json_object, text

_MISSING = ("ResourceNotFoundException",)
_ARN = re.compile(r"arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:(.+?)(-[A-Za-z0-9]{6})?$")


def secret(context: Context, resource: Resource) -> Made:
    properties = resource.properties
    name = resource.name("Name")
    value: str | None = None
    if "SecretString" in properties:
        value = text(properties["SecretString"])
    elif "GenerateSecretString" in properties:
        rules = as_map(properties["GenerateSecretString"], "GenerateSecretString")
        value = generated_secret(context.seed, resource.stack, resource.logical_id, rules)
    arn = ensure_secret(context.clients, name, value, text(properties.get("Description", "")))
    return Made(arn, {"Id": arn})


def ensure_secret(clients: Clients, name: str, value: str | None, description: str = "", *, force: bool = False) -> str:
    """The ARN of a secret of this name, made with the value if it is not there. One that is keeps its own value.

    With `force` it gets the given value all the same.
    """
    found = clients.attempt(_MISSING, "secretsmanager", "DescribeSecret", SecretId=name)
    if found is None:
        content = {} if value is None else {"SecretString": value}
        made = clients.call("secretsmanager", "CreateSecret", Name=name, Description=description, **content)
        return str(made["ARN"])
    arn = str(found["ARN"])
    if force and value is not None and read_secret(clients, arn) != value:
        clients.call("secretsmanager", "PutSecretValue", SecretId=arn, SecretString=value)
    return arn


def read_secret(clients: Clients, name: str, stage: str = "", version: str = "") -> str | None:
    """The text of a secret, by name or ARN; None where there is none. An ARN with other last letters is found too."""
    which = {**({"VersionStage": stage} if stage else {}), **({"VersionId": version} if version else {})}
    for candidate in dict.fromkeys((name, secret_name(name))):
        found = clients.attempt(_MISSING, "secretsmanager", "GetSecretValue", SecretId=candidate, **which)
        if found is not None:
            return str(found.get("SecretString", ""))
    return None


def secret_name(name_or_arn: str) -> str:
    """The name in an ARN, without the six letters that Secrets Manager adds."""
    match = _ARN.match(name_or_arn)
    return match[1] if match else name_or_arn


def attachment(context: Context, resource: Resource) -> Made:
    properties = resource.properties
    secret_id, target = (text(properties.get(name, "")) for name in ("SecretId", "TargetId"))
    connection = context.connections.get(target)
    if connection is None:
        raise Problem(
            f"TargetId {target} is no database of the stacks here",
            "give the Ref of a cluster or instance of a template",
        )
    fields = json_object(read_secret(context.clients, secret_id) or "")
    if fields is None:
        raise Problem(
            "the secret is no JSON object, so host and port cannot be added to it",
            "give the secret a SecretStringTemplate and a GenerateStringKey",
        )
    wanted = {**fields, **connection}
    if wanted != fields:
        context.clients.call("secretsmanager", "PutSecretValue", SecretId=secret_id, SecretString=json.dumps(wanted))
    return Made(secret_id, {"Id": secret_id})
