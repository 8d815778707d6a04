"""`publish`: topics."""

from emulator.manifest.schema.base import Block


class FifoTopic(Block):
    """Ordering of a topic: `true`, or a map. The block being there means FIFO."""

    switch = True
    swallows = True

    content_based_deduplication: bool | None = None
    """Whether equal messages count once."""


class Topic(Block):
    """An SNS topic that the workload publishes to."""

    name: str
    """Letters, digits, `-` and `_`; `.fifo` is added to a FIFO topic's name by the renderer."""
    fifo: FifoTopic | None = None
    """Whether the topic keeps the order; None is a standard topic."""


class Publish(Block):
    """`publish`."""

    topics: list[Topic] = []
    """Topics that are made for the workload."""
