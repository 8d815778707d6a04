"""What has to be in the local AWS endpoint before tasks start: log groups, topics, queues and subscriptions.

Source: Copilot's `publish` and `subscribe` templates. Keys and policies are left out: nothing here enforces them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from emulator.ecs.messaging import Queue, Subscription, Topic, dead_letter_queue_name, queue_name, topic_name
from emulator.runtime.specs.aws.endpoint import log_groups

if TYPE_CHECKING:
    from emulator.runtime.state.desired import DesiredService, DesiredState

DEAD_LETTER_RETENTION = 1209600
"""Seconds: 14 days."""
Resource = dict[str, object]


def aws_request(state: DesiredState) -> dict[str, object]:
    """The request to `emulator.aws.prepare`, as JSON. Each list is in the order of the services."""
    topics: dict[tuple[str, str], Resource] = {}
    queues: list[Resource] = []
    subscriptions: list[Resource] = []
    users = [desired for desired in state.services.values() if desired.needs_aws]
    for desired in users:
        for topic in desired.service.topics:
            made = _topic(desired, topic)
            topics[str(made["region"]), str(made["name"])] = made
        for queue in desired.service.queues:
            queues += _queues(desired, queue)
        subscriptions += [_subscription(desired, one) for one in desired.service.subscriptions]
    for one in subscriptions:  # what no service here publishes can be published by hand
        name = str(one["topic"])
        attributes = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
        other = {"name": name, "region": one["region"], "attributes": attributes, "position": one["position"]}
        topics.setdefault((str(one["region"]), name), other)
    return {
        "log_groups": list(log_groups(state)),
        "topics": list(topics.values()),
        "queues": queues,
        "subscriptions": subscriptions,
    }


def _topic(desired: DesiredService, topic: Topic) -> Resource:
    service = desired.service
    attributes = {}
    if topic.fifo:
        attributes["FifoTopic"] = "true"
        if topic.content_based_deduplication is not None:
            attributes["ContentBasedDeduplication"] = _flag(topic.content_based_deduplication)
    return {
        "name": topic_name(service.app, service.environment, service.name, topic.name),
        "region": desired.options.region,
        "attributes": attributes,
        "position": str(topic.position or ""),
    }


def _queues(desired: DesiredService, queue: Queue) -> list[Resource]:
    """The queue, after its dead-letter queue where it has one."""
    service, region = desired.service, desired.options.region
    owner = (service.app, service.environment, service.name)
    position = str(queue.position or "")
    found: list[Resource] = []
    given = {
        "MessageRetentionPeriod": queue.retention,
        "DelaySeconds": queue.delay,
        "VisibilityTimeout": queue.visibility_timeout,
        "DeduplicationScope": queue.deduplication_scope,
        "FifoThroughputLimit": queue.throughput_limit,
        "FifoQueue": "true" if queue.fifo else None,
    }
    attributes = {name: str(value) for name, value in given.items() if value is not None}
    if queue.content_based_deduplication is not None:
        attributes["ContentBasedDeduplication"] = _flag(queue.content_based_deduplication)
    if queue.dead_letter_tries is not None:
        dead = dead_letter_queue_name(*owner, queue)
        own = {"MessageRetentionPeriod": str(DEAD_LETTER_RETENTION)} | ({"FifoQueue": "true"} if queue.fifo else {})
        found.append({"name": dead, "region": region, "attributes": own, "position": position})
        arn = f"arn:aws:sqs:{region}:{desired.options.account}:{dead}"
        redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": queue.dead_letter_tries}
        attributes["RedrivePolicy"] = json.dumps(redrive)
    found.append({"name": queue_name(*owner, queue), "region": region, "attributes": attributes, "position": position})
    return found


def _subscription(desired: DesiredService, subscription: Subscription) -> Resource:
    service = desired.service
    queue = next(one for one in service.queues if one.resource == subscription.queue)
    attributes = {}
    if subscription.filter_policy:
        attributes["FilterPolicy"] = json.dumps(subscription.filter_policy)
    return {
        "topic": topic_name(service.app, service.environment, subscription.service, subscription.topic),
        "queue": queue_name(service.app, service.environment, service.name, queue),
        "region": desired.options.region,
        "attributes": attributes,
        "position": str(subscription.position or ""),
    }


def _flag(value: bool) -> str:
    return "true" if value else "false"
