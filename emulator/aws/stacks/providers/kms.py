"""Keys and their aliases. A key has no name, so it is found again by an alias of our own.

Source: CloudFormation, AWS::KMS::Key and AWS::KMS::Alias.
"""

from __future__ import annotations

from emulator.aws.stacks.context import Context
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import text

_TAKEN = ("KeySpec", "KeyUsage", "Description")


def key(context: Context, resource: Resource) -> Made:
    clients = context.clients
    own = f"alias/copilot-local/{resource.stack}/{resource.logical_id}"
    answer = clients.attempt(("NotFoundException",), "kms", "DescribeKey", KeyId=own)
    if answer is None:
        properties = {name: resource.properties[name] for name in _TAKEN if name in resource.properties}
        answer = clients.call("kms", "CreateKey", **clients.arguments("kms", "CreateKey", properties))
        clients.call("kms", "CreateAlias", AliasName=own, TargetKeyId=answer["KeyMetadata"]["KeyId"])
    found = answer["KeyMetadata"]
    return Made(found["KeyId"], {"Arn": found["Arn"], "KeyId": found["KeyId"]})


def alias(context: Context, resource: Resource) -> Made:
    name, target = (text(resource.properties.get(key, "")) for key in ("AliasName", "TargetKeyId"))
    there = ("AlreadyExistsException",)
    if context.clients.attempt(there, "kms", "CreateAlias", AliasName=name, TargetKeyId=target) is None:
        context.clients.call("kms", "UpdateAlias", AliasName=name, TargetKeyId=target)
    return Made(name)
