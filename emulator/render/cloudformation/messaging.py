"""Topics, queues and subscriptions. Source: Copilot, partials `publish.yml` and `subscribe.yml`.

Copilot's queues are encrypted with a key of their own, and the task role may read them by the queues' policies.
"""

from __future__ import annotations

from emulator.ecs.messaging import EVENTS_QUEUE, Queue, Subscription, topic_name
from emulator.ecs.names import logical_id
from emulator.ecs.service import Service
from emulator.render.cloudformation.intrinsics import GetAtt, Ref, Sub, arn
from emulator.render.cloudformation.policies import document, statement
from emulator.render.cloudformation.template import Properties, Template

KEY = "EventsKMSKey"
_ACCOUNT = Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")
DEAD_LETTER_RETENTION = 1209600
"""Seconds: 14 days, the longest there is."""


def topic_id(name: str) -> str:
    """The logical id of a topic."""
    return f"{logical_id(name)}SNSTopic"


def add_topics(template: Template, service: Service) -> None:
    """Adds the topics that the service publishes to; other services of the account may subscribe queues to them."""
    for topic in service.topics:
        name = topic_id(topic.name)
        template.resource(
            name,
            "AWS::SNS::Topic",
            {
                "TopicName": topic_name(service.app, service.environment, service.name, topic.name),
                "KmsMasterKeyId": "alias/aws/sns",
                "FifoTopic": topic.fifo or None,
                "ContentBasedDeduplication": topic.content_based_deduplication,
            },
            comment=f"Messages of topic {topic.name}",
            position=topic.position,
        )
        template.resource(
            f"{name}Policy",
            "AWS::SNS::TopicPolicy",
            {
                "Topics": [Ref(name)],
                "PolicyDocument": document(
                    [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": _ACCOUNT},
                            "Action": ["sns:Subscribe"],
                            "Resource": Ref(name),
                            "Condition": {"StringEquals": {"sns:Protocol": "sqs"}},
                        }
                    ]
                ),
            },
        )


def add_queues(template: Template, service: Service) -> None:
    """Adds a worker's queues with their policies, and its subscriptions."""
    if not service.queues:
        return
    template.resource(
        KEY,
        "AWS::KMS::Key",
        {"KeyPolicy": document(_key_statements())},
        comment="Encrypts the messages in the queues. In a key's policy, * is the key itself.",
    )
    for queue in service.queues:
        _queue(template, service, queue)
    for subscription in service.subscriptions:
        _subscription(template, service, subscription)


def _queue(template: Template, service: Service, queue: Queue) -> None:
    stem = queue.resource.removesuffix(EVENTS_QUEUE)  # nothing for the common queue
    dead = f"{stem}DeadLetterQueue"
    tries = queue.dead_letter_tries
    redrive: Properties | None = None
    if tries is not None:
        redrive = {"deadLetterTargetArn": GetAtt(dead, "Arn"), "maxReceiveCount": tries}
    common = queue.resource == EVENTS_QUEUE
    template.resource(
        queue.resource,
        "AWS::SQS::Queue",
        {
            "KmsMasterKeyId": Ref(KEY),
            "MessageRetentionPeriod": queue.retention,
            "DelaySeconds": queue.delay,
            "VisibilityTimeout": queue.visibility_timeout,
            "FifoQueue": True if queue.fifo else None,
            "ContentBasedDeduplication": queue.content_based_deduplication,
            "DeduplicationScope": queue.deduplication_scope,
            "FifoThroughputLimit": queue.throughput_limit,
            "RedrivePolicy": redrive,
        },
        comment="The queue of every subscription without one of its own" if common else "The queue of one subscription",
        position=queue.position,
    )
    if redrive is not None:
        template.resource(
            dead,
            "AWS::SQS::Queue",
            {
                "KmsMasterKeyId": Ref(KEY),
                "MessageRetentionPeriod": DEAD_LETTER_RETENTION,
                "FifoQueue": True if queue.fifo else None,
            },
            comment=f"Messages that were received {tries} times in vain",
        )
        _policy(template, f"{stem}DeadLetterPolicy", dead, [])
    senders = [subscription for subscription in service.subscriptions if subscription.queue == queue.resource]
    _policy(template, f"{stem}QueuePolicy", queue.resource, [_topic_arn(service, one) for one in senders])


def _policy(template: Template, name: str, queue: str, topics: list[Sub]) -> None:
    """Lets the tasks read a queue and topics write to it."""
    target = GetAtt(queue, "Arn")
    read = statement(["sqs:ReceiveMessage", "sqs:DeleteMessage"], target)
    read = {"Effect": read.pop("Effect"), "Principal": {"AWS": [GetAtt("TaskRole", "Arn")]}, **read}
    writes: list[Properties] = [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": ["sqs:SendMessage"],
            "Resource": target,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        for topic in topics
    ]
    template.resource(
        name, "AWS::SQS::QueuePolicy", {"Queues": [Ref(queue)], "PolicyDocument": document([read, *writes])}
    )


def _topic_arn(service: Service, subscription: Subscription) -> Sub:
    return arn("sns", topic_name(service.app, service.environment, subscription.service, subscription.topic))


def _subscription(template: Template, service: Service, subscription: Subscription) -> None:
    template.resource(
        f"{logical_id(subscription.service)}{logical_id(subscription.topic)}SNSTopicSubscription",
        "AWS::SNS::Subscription",
        {
            "TopicArn": _topic_arn(service, subscription),
            "Protocol": "sqs",
            "Endpoint": GetAtt(subscription.queue, "Arn"),
            "FilterPolicy": dict(subscription.filter_policy) or None,
        },
        comment=f"Topic {subscription.topic} of {subscription.service}",
        position=subscription.position,
    )


def _key_statements() -> list[Properties]:
    """The account administers the key, SNS and SQS encrypt with it, the tasks decrypt."""
    administration = (
        "Create* Describe* Enable* List* Put* Update* Revoke* Disable* Get* Delete* ScheduleKeyDeletion "
        "CancelKeyDeletion Tag* UntagResource Encrypt Decrypt ReEncrypt* GenerateDataKey*"
    )
    rows: list[tuple[str, Properties, str]] = [
        ("Allow key use", {"AWS": _ACCOUNT}, administration),
        ("Allow SNS encryption", {"Service": "sns.amazonaws.com"}, "Decrypt GenerateDataKey*"),
        ("Allow SQS encryption", {"Service": "sqs.amazonaws.com"}, "Encrypt Decrypt ReEncrypt* GenerateDataKey*"),
        ("Allow task role encrypt/decrypt", {"AWS": [GetAtt("TaskRole", "Arn")]}, "Encrypt Decrypt"),
    ]
    return [
        {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": principal,
            "Action": [f"kms:{action}" for action in actions.split()],
            "Resource": "*",
        }
        for sid, principal, actions in rows
    ]
