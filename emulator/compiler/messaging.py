"""Topics and queues of a workload. Source: Copilot's `publish` and `subscribe` templates and `transformers.go`."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.compiler.context import Context
from emulator.compiler.values import optional_seconds
from emulator.ecs.messaging import EVENTS_QUEUE, Queue, Subscription, Topic
from emulator.ecs.names import logical_id
from emulator.errors import Position
from emulator.manifest.schema.publish import Topic as ManifestTopic
from emulator.manifest.schema.subscribe import Queue as ManifestQueue
from emulator.manifest.schema.subscribe import TopicQueue, TopicSubscription
from emulator.manifest.schema.worker_service import WorkerService
from emulator.model import from_plain, make

FIFO_SUFFIX = ".fifo"


@dataclass(frozen=True, slots=True)
class TopicQueueName:
    """A topic's own queue. `resource` is its logical id, `variable_key` its key in COPILOT_TOPIC_QUEUE_URIS."""

    resource: str
    variable_key: str
    subscription: TopicSubscription
    queue: TopicQueue


def topic_name(topic: ManifestTopic) -> str:
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


def topics(context: Context) -> list[Topic]:
    """The topics that the workload publishes to, in the order of the manifest."""
    found = []
    for number, topic in enumerate(context.manifest.publish.topics):
        fifo = topic.fifo is not None
        deduplication = topic.fifo.content_based_deduplication if topic.fifo else None
        position = context.position(f"publish.topics[{number}]")
        found.append(
            make(Topic, name=topic_name(topic), fifo=fifo, content_based_deduplication=deduplication, position=position)
        )
    return found


def queues(context: Context) -> list[Queue]:
    """A worker's queues: the common one, then those that single topics have."""
    manifest = context.manifest
    if not isinstance(manifest, WorkerService):
        return []
    # Without topics Copilot does not look at the settings of the queue, which is there all the same.
    common = (manifest.subscribe.queue if manifest.subscribe.topics else None) or ManifestQueue.model_construct()
    found = [_queue(EVENTS_QUEUE, common, context.position("subscribe.queue"))]
    numbers = {id(subscription): number for number, subscription in enumerate(manifest.subscribe.topics)}
    for named in topic_queues(manifest):
        position = context.position(f"subscribe.topics[{numbers[id(named.subscription)]}]")
        found.append(_queue(named.resource, named.queue, position))
    return found


def subscriptions(context: Context) -> list[Subscription]:
    """The topics of other services that a worker reads."""
    manifest = context.manifest
    if not isinstance(manifest, WorkerService):
        return []
    own = {id(named.subscription): named.resource for named in topic_queues(manifest)}
    return [
        make(
            Subscription,
            service=subscription.service,
            topic=subscribed_topic(manifest, subscription),
            queue=own.get(id(subscription), EVENTS_QUEUE),
            filter_policy=subscription.filter_policy,
            position=context.position(f"subscribe.topics[{number}]"),
        )
        for number, subscription in enumerate(manifest.subscribe.topics)
    ]


def _queue(resource: str, queue: ManifestQueue, position: Position | None) -> Queue:
    fifo = queue.fifo
    high = bool(fifo and fifo.high_throughput)
    return from_plain(
        Queue,
        {
            "resource": resource,
            "retention": optional_seconds(queue.retention),
            "delay": optional_seconds(queue.delay),
            "visibility_timeout": optional_seconds(queue.timeout),
            "dead_letter_tries": queue.dead_letter.tries if queue.dead_letter else None,
            "fifo": fifo is not None,
            "content_based_deduplication": fifo.content_based_deduplication if fifo else None,
            "deduplication_scope": "messageGroup" if high else fifo.deduplication_scope if fifo else None,
            "throughput_limit": "perMessageGroupId" if high else fifo.throughput_limit if fifo else None,
            "position": position,
        },
    )
