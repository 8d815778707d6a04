"""Makes topics, queues and subscriptions at the endpoint, with plain calls of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

from emulator.aws.client import client

THREADS = 4
Json = Mapping[str, Any]


class Refused(Exception):
    """Something that AWS would refuse too. `plain` says what, where and what to do."""

    def __init__(self, message: str, position: str, hint: str = "") -> None:
        super().__init__(message)
        self.plain = {"message": message, "position": position, "hint": hint}


class _Clients:
    """Clients by service and region. Botocore makes none in two threads at once."""

    def __init__(self) -> None:
        self.of: Callable[[str, str], Any] = cache(client)


def make_messaging(request: Json) -> None:
    """Makes what the request lists: dead-letter queues before the queues that name them, subscriptions last. Raises
    `Refused` for the first that AWS would refuse."""
    clients = _Clients()
    for one in (*request["topics"], *request["queues"]):
        clients.of("sns", one["region"])
        clients.of("sqs", one["region"])
    queues = request["queues"]
    with_redrive = [one for one in queues if "RedrivePolicy" in one["attributes"]]
    plain = [one for one in queues if "RedrivePolicy" not in one["attributes"]]
    topics: dict[tuple[str, str], str] = {}

    def make_topic(one: Json) -> None:
        topics[one["region"], one["name"]] = _topic(clients, one)

    with ThreadPoolExecutor(THREADS) as pool:
        for work in ((make_topic, request["topics"]), (lambda one: _queue(clients, one), plain)):
            _all(pool, *work)
        _all(pool, lambda one: _queue(clients, one), with_redrive)
        _all(pool, lambda one: _subscription(clients, one, topics), request["subscriptions"])


def _all(pool: ThreadPoolExecutor, work: Callable[[Json], None], items: list[Json]) -> None:
    for _ in pool.map(work, items):
        pass


def _topic(clients: _Clients, wanted: Json) -> str:
    try:
        arn: str = clients.of("sns", wanted["region"]).create_topic(
            Name=wanted["name"], Attributes=wanted["attributes"]
        )["TopicArn"]
    except ClientError as error:
        raise _refused(f"topic {wanted['name']}", wanted, error) from error
    return arn


def _queue(clients: _Clients, wanted: Json) -> None:
    sqs, attributes = clients.of("sqs", wanted["region"]), wanted["attributes"]
    try:
        try:
            sqs.create_queue(QueueName=wanted["name"], Attributes=attributes)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("QueueAlreadyExists", "QueueNameExists"):
                raise
            # It is there with other attributes: those of an `up` before the manifest changed.
            url = sqs.get_queue_url(QueueName=wanted["name"])["QueueUrl"]
            changed = {name: value for name, value in attributes.items() if name != "FifoQueue"}
            sqs.set_queue_attributes(QueueUrl=url, Attributes=_with_defaults(changed))
    except ClientError as error:
        raise _refused(f"queue {wanted['name']}", wanted, error) from error


_DEFAULTS = {
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "VisibilityTimeout": "30",
    "RedrivePolicy": "",
}
"""SQS's own, for what the manifest does not say any more."""


def _with_defaults(attributes: Json) -> dict[str, str]:
    return {**_DEFAULTS, **attributes}


def _subscription(clients: _Clients, wanted: Json, topics: Mapping[tuple[str, str], str]) -> None:
    region = wanted["region"]
    sns, sqs = clients.of("sns", region), clients.of("sqs", region)
    topic = topics[region, wanted["topic"]]
    try:
        url = sqs.get_queue_url(QueueName=wanted["queue"])["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        there = next((one for one in _subscriptions(sns, topic) if one["Endpoint"] == queue), None)
        if there is None:
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=wanted["attributes"])
        else:
            policy = wanted["attributes"].get("FilterPolicy", "{}")
            sns.set_subscription_attributes(
                SubscriptionArn=there["SubscriptionArn"], AttributeName="FilterPolicy", AttributeValue=policy
            )
    except ClientError as error:
        raise _refused(f"subscription of {wanted['queue']} to {wanted['topic']}", wanted, error) from error


def _subscriptions(sns: Any, topic: str) -> Iterator[Json]:
    for page in sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic):
        yield from page["Subscriptions"]


def _refused(what: str, wanted: Json, error: ClientError) -> Refused:
    said = error.response["Error"]
    return Refused(f"{what}: {said.get('Message') or said.get('Code')} ({said.get('Code')})", wanted["position"])
