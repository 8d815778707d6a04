"""Log groups and streams.

Source: CloudFormation, AWS::Logs::LogGroup and AWS::Logs::LogStream.
"""

from __future__ import annotations

from emulator.aws.stacks.clients import Refused
from emulator.aws.stacks.context import Context
from emulator.aws.stacks.names import physical_name
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import text

_THERE = "ResourceAlreadyExistsException"


def log_group(context: Context, resource: Resource) -> Made:
    properties = resource.properties
    name = text(properties.get("LogGroupName") or physical_name(resource.stack, resource.logical_id))
    made = _make(context, "CreateLogGroup", logGroupName=name)
    if "RetentionInDays" in properties:
        days = int(text(properties["RetentionInDays"]))
        context.clients.call("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=days)
    elif not made:
        context.clients.call("logs", "DeleteRetentionPolicy", logGroupName=name)
    return Made(name, {"Arn": context.place.arn("logs", f"log-group:{name}:*")})


def log_stream(context: Context, resource: Resource) -> Made:
    properties = resource.properties
    name = text(properties.get("LogStreamName") or physical_name(resource.stack, resource.logical_id))
    group = text(properties.get("LogGroupName", ""))
    _make(context, "CreateLogStream", logGroupName=group, logStreamName=name)
    return Made(name)


def _make(context: Context, operation: str, **arguments: str) -> bool:
    """Whether it was made, and not there already."""
    try:
        context.clients.call("logs", operation, **arguments)
    except Refused as error:
        if error.code != _THERE:
            raise
        return False
    return True
