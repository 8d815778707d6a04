"""How the tasks of a service are replaced, where they run, and how their number follows the load."""

import math
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


ThresholdType = Literal["COUNT", "BOUNDED_PERCENT", "UNBOUNDED_PERCENT"]
LEAST_FAILURES, MOST_FAILURES = 3, 200
"""Between these a BOUNDED_PERCENT threshold lies."""


class CircuitBreaker(Model):
    """When ECS gives a deployment up. Source: the ECS API reference, DeploymentCircuitBreaker.

    Copilot's templates turn it on, with rollback; only a patch of the template says otherwise.
    """

    enable: bool = True
    rollback: bool = True
    reset_on_healthy_task: bool = True
    """A task that becomes healthy sets the number of failed tasks back to 0."""
    threshold_type: ThresholdType = "BOUNDED_PERCENT"
    threshold_value: float = 50
    """Tasks (COUNT), or percent of the desired number."""

    def threshold(self, desired: int) -> int:
        """The number of failed tasks at which a deployment of so many tasks has failed; at least 1."""
        if self.threshold_type == "COUNT":
            return max(1, math.ceil(self.threshold_value))
        share = math.ceil(round(desired * self.threshold_value / 100, 6))
        if self.threshold_type == "UNBOUNDED_PERCENT":
            return max(1, share)
        return min(max(share, LEAST_FAILURES), MOST_FAILURES)


class Deployment(Model):
    """How tasks are replaced."""

    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    rollback_alarms: RollbackAlarms | None = None
    circuit_breaker: CircuitBreaker | None = None
    """None: as Copilot's templates have it."""

    @property
    def breaker(self) -> CircuitBreaker:
        """The circuit breaker that is in force."""
        return self.circuit_breaker or CircuitBreaker()


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
