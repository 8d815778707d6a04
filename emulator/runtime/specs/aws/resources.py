"""What has to be in the local AWS endpoint before tasks start: log groups, topics, queues, subscriptions, addon stacks.

Source: Copilot's `publish` and `subscribe` templates, and its stack of addons (internal/pkg/addon). Keys and policies
are left out: nothing here enforces them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from emulator.ecs.messaging import (
    EVENTS_QUEUE,
    Queue,
    Subscription,
    Topic,
    dead_letter_queue_name,
    queue_name,
    topic_name,
)
from emulator.regions import partition
from emulator.runtime.specs.aws.endpoint import log_groups
from emulator.runtime.specs.aws.stacks import stacks_of

if TYPE_CHECKING:
    from emulator.ecs.service import Service
    from emulator.runtime.state.database import DesiredDatabase
    from emulator.runtime.state.desired import DesiredService, DesiredState

DEAD_LETTER_RETENTION = 1209600
"""Seconds: 14 days."""


def aws_request(state: DesiredState) -> dict[str, object]:
    """The request to `emulator.aws.prepare`, as JSON. All services of an environment are in one region."""
    found = _Request()
    users = [desired for desired in state.services.values() if desired.needs_aws]
    for desired in users:
        found.service(desired)
    for desired in users:
        for one in desired.service.subscriptions:
            found.subscription(desired, one)
    request: dict[str, object] = {"log_groups": list(log_groups(state))}
    if state.aws_way is not None:
        request["other"] = state.aws_way.url
    if not users:
        return request
    options = users[0].options
    return request | {
        "app": users[0].service.app,
        "env": users[0].service.environment,
        "account": options.account,
        "region": options.region,
        "partition": partition(options.region),
        "public_url": f"http://127.0.0.1:{state.aws_port}",
        "topics": [
            {"name": name, "attributes": attributes, "published": name in found.published}
            for name, attributes in found.topics.items()
        ],
        "queues": [{"name": name, "attributes": attributes} for name, attributes in found.queues.items()],
        "subscriptions": found.subscriptions,
        "stacks": stacks_of(users),
        "databases": {database.key: _database(database) for database in state.databases},
        "exports": dict(options.values),
        "places": found.places,
        "labels": found.labels,
    }


class _Request:
    """Topics and queues by name, each with its attributes; what stands where."""

    def __init__(self) -> None:
        self.topics: dict[str, dict[str, str]] = {}
        self.published: set[str] = set()
        self.queues: dict[str, dict[str, str]] = {}
        self.subscriptions: list[dict[str, object]] = []
        self.places: dict[str, str] = {}
        self.labels: dict[str, dict[str, str]] = {"queues": {}, "topics": {}}

    def service(self, desired: DesiredService) -> None:
        service = desired.service
        for topic in service.topics:
            name = topic_name(service.app, service.environment, service.name, topic.name)
            self.topics[name] = _topic_attributes(topic)
            self.published.add(name)
            self.places[f"topic {name}"] = str(topic.position or "")
            self.labels["topics"][f"{service.name}/{topic.name}"] = name
        for queue in service.queues:
            self.queue(desired, queue)
        self.labels["queues"] |= _queue_labels(service)

    def queue(self, desired: DesiredService, queue: Queue) -> None:
        """The queue, after its dead-letter queue where it has one."""
        service = desired.service
        owner = (service.app, service.environment, service.name)
        attributes = _queue_attributes(queue)
        names = [queue_name(*owner, queue)]
        if queue.dead_letter_tries is not None:
            dead = dead_letter_queue_name(*owner, queue)
            self.queues[dead] = {"MessageRetentionPeriod": str(DEAD_LETTER_RETENTION), **_fifo(queue)}
            names.append(dead)
            region = desired.options.region
            arn = f"arn:{partition(region)}:sqs:{region}:{desired.options.account}:{dead}"
            redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": queue.dead_letter_tries}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        self.queues[names[0]] = attributes
        self.places |= {f"queue {name}": str(queue.position or "") for name in names}

    def subscription(self, desired: DesiredService, subscription: Subscription) -> None:
        """The subscription, and its topic: what no service here publishes can be published by hand."""
        service = desired.service
        topic = topic_name(service.app, service.environment, subscription.service, subscription.topic)
        self.topics.setdefault(topic, {"FifoTopic": "true"} if topic.endswith(".fifo") else {})
        self.labels["topics"][f"{subscription.service}/{subscription.topic}"] = topic
        read_by = next(one for one in service.queues if one.resource == subscription.queue)
        queue = queue_name(service.app, service.environment, service.name, read_by)
        policy = subscription.filter_policy
        attributes = {"FilterPolicy": json.dumps(policy)} if policy else {}
        self.subscriptions.append({"topic": topic, "queue": queue, "attributes": attributes})
        self.places[f"subscription of {queue} to {topic}"] = str(subscription.position or "")
        self.places.setdefault(f"topic {topic}", str(subscription.position or ""))


def _queue_labels(service: Service) -> dict[str, str]:
    """The queues of a worker by people's names: `SERVICE`, and `SERVICE/TOPIC` where a subscription has its own; with
    the topic's service between where two topics have one name."""
    owner = (service.app, service.environment, service.name)
    found = {
        service.name if queue.resource == EVENTS_QUEUE else f"{service.name}/{queue.resource}": queue_name(
            *owner, queue
        )
        for queue in service.queues
    }
    own = [one for one in service.subscriptions if one.queue != EVENTS_QUEUE]
    topics = [one.topic for one in own]
    for one in own:
        name = found.pop(f"{service.name}/{one.queue}")
        between = f"{one.service}/" if topics.count(one.topic) > 1 else ""
        found[f"{service.name}/{between}{one.topic}"] = name
    return found


def _database(database: DesiredDatabase) -> dict[str, object]:
    where = {"host": database.identifier, "port": database.port}
    return {**where, "engine": database.program, "identifier": database.identifier}


def _topic_attributes(topic: Topic) -> dict[str, str]:
    if not topic.fifo:
        return {}
    by_content = topic.content_based_deduplication
    return {"FifoTopic": "true"} | ({} if by_content is None else {"ContentBasedDeduplication": _flag(by_content)})


def _queue_attributes(queue: Queue) -> dict[str, str]:
    given = {
        "MessageRetentionPeriod": queue.retention,
        "DelaySeconds": queue.delay,
        "VisibilityTimeout": queue.visibility_timeout,
        "DeduplicationScope": queue.deduplication_scope,
        "FifoThroughputLimit": queue.throughput_limit,
    }
    found = {name: str(value) for name, value in given.items() if value is not None}
    by_content = queue.content_based_deduplication
    if by_content is not None:
        found["ContentBasedDeduplication"] = _flag(by_content)
    return {**found, **_fifo(queue)}


def _fifo(queue: Queue) -> dict[str, str]:
    return {"FifoQueue": "true"} if queue.fifo else {}


def _flag(value: bool) -> str:
    return "true" if value else "false"
