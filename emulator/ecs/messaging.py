"""Topics that a service publishes to, and queues it reads. Times in seconds."""

from typing import Literal

from emulator.errors import Position
from emulator.model import JsonValue, Model


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
