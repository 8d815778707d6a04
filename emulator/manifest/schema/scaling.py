"""`count`: how many tasks run."""

import re
from datetime import timedelta
from typing import Annotated, Self

from emulator.manifest.schema.base import INT64, Block, Key


class Cooldown(Block):
    """How long scaling waits after a change."""

    in_: Annotated[timedelta | None, Key("in", default="120s")] = None
    """Before tasks are taken away."""
    out: Annotated[timedelta | None, Key(default="60s")] = None
    """Before tasks are added."""


class ScalingTarget(Block):
    """A metric to hold: a number, or `{value, cooldown}`."""

    short = "value"
    swallows = True

    value: Annotated[int | None, INT64] = None
    """Percent, or requests per task and minute."""
    cooldown: Cooldown | None = None
    """Default: `count.cooldown`."""


class ResponseTimeTarget(Block):
    """A response time to hold: a duration, or `{value, cooldown}`."""

    short = "value"
    swallows = True

    value: timedelta | None = None
    """Mean response time."""
    cooldown: Cooldown | None = None
    """Default: `count.cooldown`."""


class QueueDelayTarget(Block):
    """A queue delay to hold (Worker Service)."""

    acceptable_latency: timedelta | None = None
    """How long a message may wait."""
    msg_processing_time: timedelta | None = None
    """How long one message takes."""
    cooldown: Cooldown | None = None
    """Default: `count.cooldown`."""


class Range(Block):
    """Bounds of the number of tasks: `1-10`, or a map."""

    parsed = True
    swallows = True

    min: Annotated[int | None, INT64] = None
    """At least so many."""
    max: Annotated[int | None, INT64] = None
    """At most so many."""
    spot_from: Annotated[int | None, INT64] = None
    """From this task on they run on Fargate Spot."""

    @classmethod
    def parse(cls, text: str) -> Self:
        found = re.fullmatch(r"(\d{1,9})-(\d{1,9})", text)
        if found is None:
            raise ValueError(f"range {text!r} is not in the form min-max")
        return cls.model_construct(min=int(found[1]), max=int(found[2]), spot_from=None)


class Count(Block):
    """The number of tasks: a number, or a map with `spot` or a range and metrics."""

    short = "value"
    swallows = True

    value: Annotated[int | None, INT64, Key(hidden=True)] = None
    """A fixed number."""
    spot: Annotated[int | None, INT64] = None
    """A fixed number, all on Fargate Spot."""
    range: Range | None = None
    """Bounds for autoscaling."""
    cooldown: Cooldown | None = None
    """Cooldown of every metric that has none of its own."""
    cpu_percentage: ScalingTarget | None = None
    """CPU use to hold."""
    memory_percentage: ScalingTarget | None = None
    """Memory use to hold."""
    requests: ScalingTarget | None = None
    """Requests per task to hold."""
    response_time: ResponseTimeTarget | None = None
    """Response time to hold."""
    queue_delay: QueueDelayTarget | None = None
    """Queue delay to hold (Worker Service)."""

    @property
    def desired(self) -> int:
        """How many tasks run at first: the number, the number on spot, or the lower bound."""
        if self.value is not None:
            return self.value
        if self.spot is not None:
            return self.spot
        return self.range.min or 0 if self.range else 1
