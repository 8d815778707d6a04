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


STAGES = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
)
"""What a deployment that shifts traffic goes through, in order. A hook may name those that are in `HOOK_STAGES`."""
HOOK_STAGES = tuple(stage for stage in STAGES if stage not in ("SCALE_UP", "BAKE_TIME", "CLEAN_UP"))


class LifecycleHook(Model):
    """Something that a deployment waits for at some of its stages. Source: the ECS API, DeploymentLifecycleHook."""

    target: Literal["AWS_LAMBDA", "PAUSE"] = "AWS_LAMBDA"
    stages: list[str] = []
    timeout_minutes: int = 1440
    on_timeout: Literal["ROLLBACK", "CONTINUE"] = "ROLLBACK"


class TrafficShift(Model):
    """How requests go over to new tasks, which run beside the old ones.

    Source: the ECS API reference, DeploymentConfiguration.
    """

    strategy: Literal["BLUE_GREEN", "LINEAR", "CANARY"]
    bake_minutes: int = 0
    """For which the old tasks stay once every request goes to the new ones."""
    step_percent: float = 10
    step_bake_minutes: int = 6
    canary_percent: float = 5
    canary_bake_minutes: int = 10
    hooks: list[LifecycleHook] = []

    def steps(self) -> list[tuple[float, int]]:
        """The shares (0 to 1) of requests that go to the new tasks one after the other, each with the minutes for
        which it stays so. The last one is 1, and the old tasks go after it."""
        if self.strategy == "CANARY":
            return [(self.canary_percent / 100, self.canary_bake_minutes), (1.0, self.bake_minutes)]
        if self.strategy == "LINEAR":
            count = math.ceil(round(100 / self.step_percent, 6))
            steps = [(number * self.step_percent / 100, self.step_bake_minutes) for number in range(1, count)]
            return [*steps, (1.0, self.bake_minutes)]
        return [(1.0, self.bake_minutes)]


class Deployment(Model):
    """How tasks are replaced."""

    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    rollback_alarms: RollbackAlarms | None = None
    circuit_breaker: CircuitBreaker | None = None
    """None: as Copilot's templates have it."""
    shift: TrafficShift | None = None
    """None: tasks are replaced one after the other (ROLLING)."""

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
