"""How the tasks of a service are replaced, where they run, and how their number follows the load."""

from typing import Literal

from emulator.errors import Position
from emulator.model import Model


class RollbackAlarms(Model):
    """Alarms that roll a deployment back: existing ones by name, or thresholds of alarms that are made."""

    names: list[str] = []
    cpu_utilization: float | None = None
    """Percent."""
    memory_utilization: float | None = None
    """Percent."""
    messages_delayed: int | None = None
    """Messages in the service's queue."""


class Deployment(Model):
    """How tasks are replaced. The circuit breaker, which rolls back, is always on."""

    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    rollback_alarms: RollbackAlarms | None = None


class CapacityProvider(Model):
    """A share of the tasks on a kind of capacity; the first `base` tasks run on the provider that has one."""

    capacity_provider: Literal["FARGATE", "FARGATE_SPOT"]
    weight: int
    base: int | None = None


class ScalingPolicy(Model):
    """Holds a metric at a value. Cooldowns in seconds."""

    metric: Literal["cpu", "memory", "requests", "response-time", "queue-delay"]
    target_value: float
    """Percent (cpu, memory), requests per task and minute, seconds, or messages per task (queue-delay)."""
    scale_in_cooldown: int = 120
    scale_out_cooldown: int = 60
    position: Position | None = None


class Scaling(Model):
    """The bounds of the number of tasks, and what moves it."""

    min_capacity: int
    max_capacity: int
    policies: list[ScalingPolicy] = []
