"""Topics that a service publishes to, and queues it reads. Times in seconds."""

import hashlib
from typing import Literal

from emulator.errors import Position
from emulator.model import JsonValue, Model

EVENTS_QUEUE = "EventsQueue"
"""The resource of a worker's common queue."""
LONGEST_QUEUE = 80
"""Characters of a queue's name, `.fifo` included."""


class Topic(Model):
    """An SNS topic of the service."""

    name: str
    """As the manifest has it, with `.fifo` where the topic is FIFO."""
    fifo: bool = False
    content_based_deduplication: bool | None = None
    position: Position | None = None


class Queue(Model):
    """An SQS queue of the service. What is None has SQS's own default."""

    resource: str
    """Its name within the service, unique: `EventsQueue` for the common one."""
    retention: int | None = None
    delay: int | None = None
    visibility_timeout: int | None = None
    dead_letter_tries: int | None = None
    """Receptions of a message until it goes to the dead-letter queue; None: there is no such queue."""
    fifo: bool = False
    content_based_deduplication: bool | None = None
    deduplication_scope: Literal["messageGroup", "queue"] | None = None
    throughput_limit: Literal["perMessageGroupId", "perQueue"] | None = None
    position: Position | None = None


class Subscription(Model):
    """A topic of another service whose messages go to a queue of this one."""

    service: str
    topic: str
    """With `.fifo` where the queue is FIFO."""
    queue: str
    """The `resource` of a queue."""
    filter_policy: dict[str, JsonValue] = {}
    position: Position | None = None


def topic_name(app: str, environment: str, service: str, topic: str) -> str:
    """The name of a topic in SNS. Source: Copilot's `publish` template."""
    return f"{app}-{environment}-{service}-{topic}"


def queue_name(app: str, environment: str, service: str, queue: Queue) -> str:
    """The name of a queue in SQS: CloudFormation's for that stack and logical id, without its random part."""
    return _named(f"{app}-{environment}-{service}-{queue.resource}", queue)


def dead_letter_queue_name(app: str, environment: str, service: str, queue: Queue) -> str:
    """The same of a queue's dead-letter queue, where it has one."""
    stem = queue.resource.removesuffix(EVENTS_QUEUE)
    return _named(f"{app}-{environment}-{service}-{stem}DeadLetterQueue", queue)


def _named(name: str, queue: Queue) -> str:
    end = ".fifo" if queue.fifo else ""
    room = LONGEST_QUEUE - len(end)
    if len(name) > room:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        name = f"{name[: room - 13]}-{digest}"
    return name + end
