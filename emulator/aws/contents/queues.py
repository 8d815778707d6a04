"""Queues: how full they are, what is in them, and messages sent, moved back and removed by hand."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping
from typing import Any

from emulator.aws.contents.names import World
from emulator.aws.ministack_app import MESSAGES
from emulator.aws.stacks.problems import Problem

GROUP = "copilot-local"
"""The message group of a message that is sent by hand to a FIFO queue or topic."""
_BATCH = 10
_PURGED = ("AWS.SimpleQueueService.PurgeQueueInProgress", "PurgeQueueInProgress")
_MOVE_TIMEOUT = 30
"""Seconds that a message which is being moved is invisible in the queue that it leaves."""


def listed(world: World) -> list[dict[str, Any]]:
    """Every queue but those for dead letters of others, which are told with the queue they belong to."""
    urls = urls_of(world)
    attributes = {name: attributes_of(world, url) for name, url in urls.items()}
    dead_of = {name: dead for name in urls if (dead := _dead_letters_of(attributes[name])) in urls}
    return [
        {
            "name": world.label("queues", name),
            "queue": name,
            "url": urls[name],
            "visible": _number(attributes[name], ""),
            "in_flight": _number(attributes[name], "NotVisible"),
            "delayed": _number(attributes[name], "Delayed"),
            "dead_letters": depth(attributes[dead_of[name]]) if name in dead_of else None,
            "dead_letter_queue": dead_of.get(name),
        }
        for name in sorted(urls)
        if name not in dead_of.values()
    ]


def peek(world: World, queue: str, limit: int, dead: bool = False) -> list[dict[str, Any]]:
    """The first messages of a queue, or of its dead letters, by the program's own view: nothing about them changes."""
    return messages_of(world, *found(world, queue, dead))[:limit]


def messages_of(world: World, name: str, url: str) -> list[dict[str, Any]]:
    """The messages of a queue as `peek` gives them, oldest first. Raises Problem where another endpoint answers, and
    has no such view."""
    try:
        messages = _seen(world, url)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        if not world.other:
            raise
        raise Problem(
            f"{world.other} does not show messages without receiving them, which counts as an attempt and may move "
            "them to the dead letters",
            "`copilot-local aws sqs receive-message` receives them all the same",
        ) from None
    return [
        {
            "id": one["MessageId"],
            "body": one["Body"],
            "attributes": {key: _value(value) for key, value in one["MessageAttributes"].items()},
            "group": one["MessageGroupId"],
            "sent": one["SentTimestamp"],
            "received": one["ReceiveCount"],
            "visible": one["IsVisible"],
            "queue": name,
        }
        for one in messages
    ]


def _seen(world: World, url: str) -> list[dict[str, Any]]:
    query = urllib.parse.urlencode({"QueueUrl": url, "region": world.region})
    with urllib.request.urlopen(f"{world.url}{MESSAGES}?{query}", timeout=10) as response:
        accounts = json.load(response)["messages"]
    return [one for regions in accounts.values() for of_region in regions.values() for one in _only(of_region)]


def send(
    world: World, queue: str, body: str, attributes: Mapping[str, str], group: str | None = None
) -> dict[str, Any]:
    """Sends a message as it is: no envelope of SNS around it. A FIFO queue gets a group, and a new deduplication id."""
    name, url = found(world, queue)
    sent = world.clients.call(
        "sqs",
        "SendMessage",
        QueueUrl=url,
        MessageBody=body,
        MessageAttributes=message_attributes(attributes),
        **fifo_arguments(name, group),
    )
    return {"queue": name, "id": sent["MessageId"]}


def redrive(world: World, queue: str) -> dict[str, Any]:
    """Moves the dead letters of a queue back to it, each received, sent and only then deleted. AWS's own message move
    task does the same; the local endpoint has none."""
    name, url = found(world, queue)
    dead_name, dead_url = found(world, queue, dead=True)
    moved = 0
    for _ in range(depth(attributes_of(world, dead_url))):
        got = world.clients.call(
            "sqs",
            "ReceiveMessage",
            QueueUrl=dead_url,
            MaxNumberOfMessages=1,
            VisibilityTimeout=_MOVE_TIMEOUT,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        for message in got:
            system = message.get("Attributes", {})
            world.clients.call(
                "sqs",
                "SendMessage",
                QueueUrl=url,
                MessageBody=message["Body"],
                MessageAttributes=message.get("MessageAttributes", {}),
                **fifo_arguments(name, system.get("MessageGroupId")),
            )
            world.clients.call("sqs", "DeleteMessage", QueueUrl=dead_url, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    return {"queue": name, "from": dead_name, "moved": moved}


def purge(world: World, queue: str, dead: bool = False) -> dict[str, Any]:
    """Removes every message of a queue, or of its dead letters, also those in flight."""
    name, url = found(world, queue, dead)
    attributes = attributes_of(world, url)
    remove_all(world, url)
    return {"queue": name, "removed": depth(attributes)}


def remove_all(world: World, url: str) -> None:
    """Removes every message of a queue, also those in flight. Another endpoint may have AWS's rule, once a minute: the
    next time those go that can be received."""
    call = world.clients.call
    if world.clients.attempt(_PURGED, "sqs", "PurgeQueue", QueueUrl=url) is None:
        while got := call("sqs", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=_BATCH).get("Messages"):
            for message in got:
                call("sqs", "DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def fifo_arguments(name: str, group: str | None) -> dict[str, str]:
    """What SendMessage and Publish need besides where the queue or topic is FIFO; a group on a standard one stays."""
    if not name.endswith(".fifo"):
        return {"MessageGroupId": group} if group else {}
    return {"MessageGroupId": group or GROUP, "MessageDeduplicationId": uuid.uuid4().hex}


def message_attributes(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Attributes of the type String, as SQS and SNS take them."""
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


def found(world: World, word: str, dead: bool = False) -> tuple[str, str]:
    """The name and the URL of a queue, or of its dead letters. Raises Unknown, and Problem where it has none."""
    urls = urls_of(world)
    name = world.find("queues", word, urls)
    if not dead:
        return name, urls[name]
    found = _dead_letters_of(attributes_of(world, urls[name]))
    if found not in urls:
        raise Problem(
            f"the queue {word} has no dead letters", "`dead_letter: {tries: N}` in its manifest gives it some"
        )
    return found, urls[found]


def urls_of(world: World) -> dict[str, str]:
    """The URL of each queue, by its name in SQS."""
    urls = world.clients.listed("sqs", "ListQueues", "QueueUrls", MaxResults=1000)
    return {url.rpartition("/")[2]: url for url in urls}


def attributes_of(world: World, url: str) -> dict[str, str]:
    found: dict[str, str] = world.clients.call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])[
        "Attributes"
    ]
    return found


def _dead_letters_of(attributes: Mapping[str, str]) -> str:
    policy = json.loads(attributes.get("RedrivePolicy") or "{}")
    return str(policy.get("deadLetterTargetArn", "")).rpartition(":")[2]


def _number(attributes: Mapping[str, str], end: str) -> int:
    return int(attributes.get(f"ApproximateNumberOfMessages{end}", "0"))


def depth(attributes: Mapping[str, str]) -> int:
    return sum(_number(attributes, end) for end in ("", "NotVisible", "Delayed"))


def _only(of_region: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [message for messages in of_region.values() for message in messages]


def _value(attribute: Any) -> str:
    if not isinstance(attribute, dict):
        return str(attribute)
    return str(attribute.get("StringValue", attribute.get("BinaryValue", "")))
