"""Queues, those of addon stacks and those of the workloads themselves.

Source: CloudFormation, AWS::SQS::Queue; SQS API, SetQueueAttributes (names and defaults).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.aws.stacks.clients import Clients
from emulator.aws.stacks.context import Context
from emulator.aws.stacks.names import QUEUE
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import Value, as_document, as_list, as_map, is_true, text

_DEFAULTS = {
    "VisibilityTimeout": "30",
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
}
_FIFO_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
_LARGEST = "MaximumMessageSize"
_LARGEST_DEFAULTS = ("1048576", "262144")
"""SQS's, and the one until August 2025, which is the most that some other endpoints take."""
_SETTINGS = (*_DEFAULTS, *_FIFO_DEFAULTS, _LARGEST)
_POLICIES = ("RedrivePolicy", "RedriveAllowPolicy")
_PERMISSIONS = ("allowAll", "denyAll", "byQueue")
_MISSING = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


def queue(context: Context, resource: Resource) -> Made:
    properties = resource.properties
    fifo = is_true(properties.get("FifoQueue"))
    name = resource.name("QueueName", most=QUEUE, suffix=".fifo" if fifo else "")
    if fifo and not name.endswith(".fifo"):
        raise Problem(f"the FIFO queue's name {name} does not end with .fifo", "add .fifo to QueueName")
    attributes = {setting: text(properties[setting]) for setting in _SETTINGS if setting in properties}
    if fifo:
        attributes["FifoQueue"] = "true"
    if "RedrivePolicy" in properties:
        attributes["RedrivePolicy"] = _redrive(properties["RedrivePolicy"])
    if "RedriveAllowPolicy" in properties:
        attributes["RedriveAllowPolicy"] = _redrive_allowed(properties["RedriveAllowPolicy"])
    given = [as_map(tag, "Tags") for tag in as_list(properties.get("Tags"), "Tags")]
    tags = {text(tag["Key"]): text(tag["Value"]) for tag in given}
    arn, url = queue_arn(context, name), queue_url(context, name)
    ensure_queue(context.clients, url, attributes, tags)
    return Made(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})


def queue_arn(context: Context, name: str) -> str:
    return context.place.arn("sqs", name)


def queue_url(context: Context, name: str) -> str:
    """The queue's URL as tasks use it: several SDKs send to its host."""
    return f"{context.public_url}/{context.place.account}/{name}"


def ensure_queue(
    clients: Clients, url: str, attributes: Mapping[str, str], tags: Mapping[str, str] | None = None
) -> None:
    """Makes the queue, or gives the one there is these attributes; those that are not named have SQS's defaults.

    With `tags` it has these and no others.
    """
    answer = clients.attempt(_MISSING, "sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
    if answer is None:
        wanted = {**_DEFAULTS, **attributes}
        clients.call("sqs", "CreateQueue", QueueName=url.rpartition("/")[2], Attributes=wanted, tags=dict(tags or {}))
        return
    if different := _different(answer.get("Attributes", {}), attributes):
        clients.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes=different)
    if tags is not None:
        _set_tags(clients, url, tags)


def _different(present: Mapping[str, str], attributes: Mapping[str, str]) -> dict[str, str]:
    """What to set, for a queue to have these attributes and SQS's defaults."""
    defaults = {**_DEFAULTS, **(_FIFO_DEFAULTS if present.get("FifoQueue") == "true" else {})}
    if present.get(_LARGEST) not in (None, *_LARGEST_DEFAULTS):
        defaults[_LARGEST] = _LARGEST_DEFAULTS[0]
    wanted = {**defaults, **attributes}
    found = {key: value for key, value in wanted.items() if not _same(present.get(key, defaults.get(key)), value)}
    return found | {policy: "" for policy in _POLICIES if policy in present and policy not in wanted}


def _set_tags(clients: Clients, url: str, tags: Mapping[str, str]) -> None:
    present = clients.call("sqs", "ListQueueTags", QueueUrl=url).get("Tags") or {}
    if gone := [key for key in present if key not in tags]:
        clients.call("sqs", "UntagQueue", QueueUrl=url, TagKeys=gone)
    if new := {key: value for key, value in tags.items() if present.get(key) != value}:
        clients.call("sqs", "TagQueue", QueueUrl=url, Tags=new)


def _same(present: str | None, wanted: str) -> bool:
    if present is None or present == wanted:
        return present == wanted
    if not wanted.startswith("{"):
        return False
    return bool(_policy(present) == _policy(wanted))


def _policy(document: str) -> dict[str, Any]:
    found = json.loads(document)
    return {key: str(value) for key, value in found.items()}


def _redrive(value: Value) -> str:
    policy = as_document(value, "RedrivePolicy")
    if not {"deadLetterTargetArn", "maxReceiveCount"} <= set(policy):
        raise Problem("RedrivePolicy lacks deadLetterTargetArn or maxReceiveCount", "give both")
    count = text(policy["maxReceiveCount"])
    if not count.isdecimal():
        raise Problem(f"maxReceiveCount is {count}", "give a number from 1 to 1000")
    return json.dumps({"deadLetterTargetArn": policy["deadLetterTargetArn"], "maxReceiveCount": int(count)})


def _redrive_allowed(value: Value) -> str:
    policy = as_document(value, "RedriveAllowPolicy")
    permission, sources = text(policy.get("redrivePermission") or ""), policy.get("sourceQueueArns")
    if permission not in _PERMISSIONS:
        raise Problem(f"redrivePermission is {permission or 'missing'}", f"give one of {', '.join(_PERMISSIONS)}")
    if (permission == "byQueue") != bool(sources):
        raise Problem(
            f"RedriveAllowPolicy has {'' if sources else 'no '}sourceQueueArns with {permission}, which SQS refuses",
            "give them with byQueue, and with nothing else",
        )
    listed = [text(source) for source in as_list(sources, "sourceQueueArns")]
    return json.dumps({"redrivePermission": permission, **({"sourceQueueArns": listed} if listed else {})})
