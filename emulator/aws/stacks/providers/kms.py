"""Keys and their aliases. A key has no name, so it is found again by an alias of our own.

Source: CloudFormation, AWS::KMS::Key and AWS::KMS::Alias.
"""

from __future__ import annotations

from emulator.aws.stacks.clients import Refused
from emulator.aws.stacks.context import Context
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import Value, text

_TAKEN = ("KeySpec", "KeyUsage", "Description")


def key(context: Context, resource: Resource) -> Made:
    call = context.clients.call
    own = f"alias/copilot-local/{resource.stack}/{resource.logical_id}"
    try:
        found = call("kms", "DescribeKey", KeyId=own)["KeyMetadata"]
    except Refused as error:
        if error.code != "NotFoundException":
            raise
        properties: dict[str, Value] = {
            name: resource.properties[name] for name in _TAKEN if name in resource.properties
        }
        found = call("kms", "CreateKey", **context.clients.arguments("kms", "CreateKey", properties))["KeyMetadata"]
        call("kms", "CreateAlias", AliasName=own, TargetKeyId=found["KeyId"])
    return Made(found["KeyId"], {"Arn": found["Arn"], "KeyId": found["KeyId"]})


def alias(context: Context, resource: Resource) -> Made:
    name, target = (text(resource.properties.get(key, "")) for key in ("AliasName", "TargetKeyId"))
    try:
        context.clients.call("kms", "CreateAlias", AliasName=name, TargetKeyId=target)
    except Refused as error:
        if error.code != "AlreadyExistsException":
            raise
        context.clients.call("kms", "UpdateAlias", AliasName=name, TargetKeyId=target)
    return Made(name)
