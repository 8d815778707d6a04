"""Topics and queues of a workload. Source: Copilot's `publish` and `subscribe` templates and `transformers.go`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulator.manifest.schema.messaging import Topic, TopicQueue, TopicSubscription
from emulator.manifest.schema.worker_service import WorkerService

FIFO_SUFFIX = ".fifo"


@dataclass(frozen=True, slots=True)
class TopicQueueName:
    """A topic's own queue. `resource` is its logical id, `variable_key` its key in COPILOT_TOPIC_QUEUE_URIS."""

    resource: str
    variable_key: str
    subscription: TopicSubscription
    queue: TopicQueue


def logical_id(name: str) -> str:
    """A name without what a logical id may not hold. Source: `logicalIDSafe`."""
    return re.sub(r"[^a-zA-Z0-9]", "", name)


def topic_name(topic: Topic) -> str:
    """The name of a topic, with the suffix that SNS wants of a FIFO one."""
    return f"{topic.name}{FIFO_SUFFIX}" if topic.fifo is not None else topic.name


def subscribed_topic(manifest: WorkerService, subscription: TopicSubscription) -> str:
    """The name of the topic that is subscribed to: a FIFO queue reads a FIFO topic."""
    queue = subscription.queue or manifest.subscribe.queue
    fifo = queue is not None and queue.fifo is not None
    return f"{subscription.name}{FIFO_SUFFIX}" if fifo else subscription.name


def topic_queues(manifest: WorkerService) -> list[TopicQueueName]:
    """The topics that have a queue of their own, in the order of the manifest."""
    found = []
    for subscription in manifest.subscribe.topics:
        if subscription.queue is not None:
            service = logical_id(subscription.service)
            topic = logical_id(subscribed_topic(manifest, subscription))
            key = f"{service}{topic[:1].upper()}{topic[1:].lower()}EventsQueue"
            found.append(TopicQueueName(f"{service}{topic}EventsQueue", key, subscription, subscription.queue))
    return found
