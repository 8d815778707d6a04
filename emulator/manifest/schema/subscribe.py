"""`subscribe`: queues, and the topics whose messages they take."""

from datetime import timedelta
from typing import Annotated

from emulator.manifest.schema.base import UINT16, Block, Key
from emulator.model import JsonValue


class FifoQueue(Block):
    """Ordering of a queue: `true`, or a map. The block being there means FIFO."""

    switch = True
    swallows = True

    content_based_deduplication: bool | None = None
    """Whether equal messages count once."""
    deduplication_scope: str | None = None
    """`messageGroup` or `queue`."""
    throughput_limit: str | None = None
    """`perMessageGroupId` or `perQueue`."""
    high_throughput: bool | None = None
    """Short for `messageGroup` and `perMessageGroupId`."""


class DeadLetter(Block):
    """Where messages go that cannot be processed."""

    tries: Annotated[int | None, UINT16] = None
    """Receptions of a message until it goes there."""


class Queue(Block):
    """An SQS queue."""

    retention: Annotated[timedelta | None, Key(default="96h")] = None
    """How long a message is kept, 60s to 336h."""
    delay: Annotated[timedelta | None, Key(default="0s")] = None
    """How long a new message is hidden, 0s to 15m."""
    timeout: Annotated[timedelta | None, Key(default="30s")] = None
    """How long a received message is hidden, 0s to 12h."""
    dead_letter: DeadLetter | None = None
    """The dead-letter queue."""
    fifo: FifoQueue | None = None
    """Whether the queue keeps the order; None is a standard queue."""


class TopicQueue(Queue):
    """A queue of one topic's own: `true`, or a map."""

    switch = True
    swallows = True


class TopicSubscription(Block):
    """A topic whose messages come in."""

    name: str
    """The topic's name at its publisher."""
    service: str
    """The publisher."""
    filter_policy: dict[str, JsonValue] = {}
    """An SNS filter policy."""
    queue: TopicQueue | None = None
    """The topic's own queue; None: the service's common one."""


class Subscribe(Block):
    """`subscribe` (Worker Service)."""

    topics: list[TopicSubscription] = []
    """Topics whose messages come in."""
    queue: Queue | None = None
    """The service's common queue."""
