"""Queues, topics and subscriptions of the workloads themselves, which no template describes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from emulator.aws.stacks.context import Context
from emulator.aws.stacks.problems import placed
from emulator.aws.stacks.providers.sns import ensure_subscription, ensure_topic, set_attributes
from emulator.aws.stacks.providers.sqs import ensure_queue, queue_arn, queue_url

_THREADS = 8
_WORKLOADS = "workloads"
"""What errors name in place of a stack."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Queue:
    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Topic:
    """`published` where the service is there that publishes it: it alone says which attributes the topic has."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    published: bool = True


@dataclass(frozen=True)
class Subscription:
    """Topic and queue by their names."""

    topic: str
    queue: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Messaging:
    queues: Sequence[Queue] = ()
    topics: Sequence[Topic] = ()
    subscriptions: Sequence[Subscription] = ()

    def ensure(self, context: Context) -> None:
        """Makes what is not there and corrects what is; queues are subscribed to the topics named here and no others.

        Queues and topics are made in parallel, dead-letter queues before those that name them.
        """
        first = [queue for queue in self.queues if "RedrivePolicy" not in queue.attributes]
        others = [queue for queue in self.queues if "RedrivePolicy" in queue.attributes]
        with ThreadPoolExecutor(_THREADS) as threads:
            topics = [threads.submit(_topic, context, topic) for topic in self.topics]
            _each(threads, lambda queue: _queue(context, queue), first)
            _each(threads, lambda queue: _queue(context, queue), others)
            for topic in topics:
                topic.result()
            if self.queues or self.subscriptions:
                self._subscribe(context, threads)

    def _subscribe(self, context: Context, threads: ThreadPoolExecutor) -> None:
        ours = {queue_arn(context, queue.name) for queue in self.queues}
        present = {
            (one["TopicArn"], one["Endpoint"]): one["SubscriptionArn"]
            for one in context.clients.listed("sns", "ListSubscriptions", "Subscriptions")
            if one["Endpoint"] in ours
        }
        wanted = {(topic_arn(context, item.topic), queue_arn(context, item.queue)): item for item in self.subscriptions}
        gone = [arn for pair, arn in present.items() if pair not in wanted]
        _each(threads, lambda arn: context.clients.call("sns", "Unsubscribe", SubscriptionArn=arn), gone)

        def ensure(pair: tuple[str, str]) -> None:
            item = wanted[pair]
            with placed(_WORKLOADS, f"subscription of {item.queue} to {item.topic}"):
                if pair in present:
                    set_attributes(context.clients, present[pair], item.attributes)
                else:
                    ensure_subscription(context.clients, pair[0], "sqs", pair[1], item.attributes)

        _each(threads, ensure, wanted)


def topic_arn(context: Context, name: str) -> str:
    return context.place.arn("sns", name)


def _queue(context: Context, queue: Queue) -> None:
    fifo = {"FifoQueue": "true"} if queue.name.endswith(".fifo") else {}
    with placed(_WORKLOADS, f"queue {queue.name}"):
        ensure_queue(context.clients, queue_url(context, queue.name), {**fifo, **queue.attributes})


def _topic(context: Context, topic: Topic) -> None:
    fifo = {"FifoTopic": "true"} if topic.name.endswith(".fifo") else {}
    with placed(_WORKLOADS, f"topic {topic.name}"):
        ensure_topic(context.clients, topic.name, {**fifo, **topic.attributes}, complete=topic.published)


def _each(threads: ThreadPoolExecutor, act: Callable[[Item], object], items: Iterable[Item]) -> None:
    for _ in threads.map(act, items):
        pass
