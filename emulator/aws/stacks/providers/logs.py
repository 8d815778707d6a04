"""Log groups and streams.

Source: CloudFormation, AWS::Logs::LogGroup and AWS::Logs::LogStream.
"""

from __future__ import annotations

from emulator.aws.stacks.context import Context
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import text

_THERE = ("ResourceAlreadyExistsException",)


def log_group(context: Context, resource: Resource) -> Made:
    properties = resource.properties
    name = resource.name("LogGroupName")
    made = context.clients.attempt(_THERE, "logs", "CreateLogGroup", logGroupName=name)
    if "RetentionInDays" in properties:
        days = int(text(properties["RetentionInDays"]))
        context.clients.call("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=days)
    elif made is None:
        context.clients.call("logs", "DeleteRetentionPolicy", logGroupName=name)
    return Made(name, {"Arn": context.place.arn("logs", f"log-group:{name}:*")})


def log_stream(context: Context, resource: Resource) -> Made:
    name, group = resource.name("LogStreamName"), text(resource.properties.get("LogGroupName", ""))
    context.clients.attempt(_THERE, "logs", "CreateLogStream", logGroupName=group, logStreamName=name)
    return Made(name)
