"""Topics: who listens to them, and messages published by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.aws.contents.names import World
from emulator.aws.contents.queues import fifo_arguments, message_attributes


def listed(world: World) -> list[dict[str, Any]]:
    """Every topic, with what is subscribed to it."""
    return [
        {"name": world.label("topics", name), "topic": name, "arn": arn, "subscriptions": _subscriptions(world, arn)}
        for name, arn in sorted(_arns(world).items())
    ]


def publish(
    world: World, topic: str, body: str, attributes: Mapping[str, str], group: str | None = None
) -> dict[str, Any]:
    """Publishes a message; attributes are what filter policies of subscriptions look at."""
    arns = _arns(world)
    name = world.find("topics", topic, arns)
    sent = world.clients.call(
        "sns",
        "Publish",
        TopicArn=arns[name],
        Message=body,
        MessageAttributes=message_attributes(attributes),
        **fifo_arguments(name, group),
    )
    return {"topic": name, "id": sent["MessageId"]}


def _arns(world: World) -> dict[str, str]:
    """The ARN of each topic, by its name."""
    arns = [str(one["TopicArn"]) for one in world.clients.listed("sns", "ListTopics", "Topics")]
    return {arn.rpartition(":")[2]: arn for arn in arns}


def _subscriptions(world: World, arn: str) -> list[str]:
    found = world.clients.listed("sns", "ListSubscriptionsByTopic", "Subscriptions", TopicArn=arn)
    return [world.label("queues", str(one["Endpoint"]).rpartition(":")[2]) for one in found]
