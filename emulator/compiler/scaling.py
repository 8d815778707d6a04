"""How many tasks run, on what capacity, and how they are replaced.

Source: Copilot, `convertAdvancedCount`, `convertCapacityProviders` and `convertDeploymentConfig` in transformers.go.
"""

from __future__ import annotations

from emulator.compiler.context import Context
from emulator.compiler.values import seconds
from emulator.ecs.deployment import CapacityProvider, Deployment, RollbackAlarms, Scaling, ScalingPolicy
from emulator.manifest.schema.deployment import RollbackAlarms as ManifestAlarms
from emulator.manifest.schema.scaling import Cooldown, Count
from emulator.manifest.schema.worker_service import WorkerRollbackAlarms
from emulator.manifest.schema.workload import Service
from emulator.model import from_plain, make

DEFAULT_IN = 120
DEFAULT_OUT = 60


def scaling(context: Context) -> Scaling | None:
    """The scaling that a range asks for; None for a fixed number."""
    count = context.manifest.count
    if count.range is None:
        return None
    return make(
        Scaling,
        min_capacity=count.range.min or 0,
        max_capacity=count.range.max or 0,
        policies=_policies(context, count),
    )


def capacity_providers(count: Count) -> list[CapacityProvider]:
    """All tasks on Spot, or those from a number on; empty: all on Fargate."""
    spot = make(CapacityProvider, capacity_provider="FARGATE_SPOT", weight=1)
    if count.spot is not None:
        return [spot]
    if count.range is None or count.range.spot_from is None:
        return []
    if count.range.spot_from < (count.range.min or 0):
        return [spot]
    return [spot, make(CapacityProvider, capacity_provider="FARGATE", weight=0, base=max(count.range.spot_from - 1, 0))]


def deployment(manifest: Service) -> Deployment:
    """Whether old tasks stop before new ones start, and what rolls a deployment back."""
    alarms = _alarms(manifest.deployment.rollback_alarms)
    if (manifest.deployment.rolling or "default").lower() == "recreate":
        return make(Deployment, minimum_healthy_percent=0, maximum_percent=100, rollback_alarms=alarms)
    return make(Deployment, rollback_alarms=alarms)


def _alarms(manifest: ManifestAlarms | None) -> RollbackAlarms | None:
    if manifest is None:
        return None
    return make(
        RollbackAlarms,
        names=manifest.names,
        cpu_utilization=manifest.cpu_utilization,
        memory_utilization=manifest.memory_utilization,
        messages_delayed=manifest.messages_delayed if isinstance(manifest, WorkerRollbackAlarms) else None,
    )


def _policies(context: Context, count: Count) -> list[ScalingPolicy]:
    found = []
    for metric, key, target in (
        ("cpu", "cpu_percentage", count.cpu_percentage),
        ("memory", "memory_percentage", count.memory_percentage),
        ("requests", "requests", count.requests),
    ):
        if target is not None and target.value is not None:
            found.append(_policy(context, metric, key, target.value, target.cooldown))
    if count.response_time is not None and count.response_time.value is not None:
        value = count.response_time.value.total_seconds()
        found.append(_policy(context, "response-time", "response_time", value, count.response_time.cooldown))
    delay = count.queue_delay
    if delay is not None and delay.acceptable_latency is not None and delay.msg_processing_time:
        backlog = delay.acceptable_latency // delay.msg_processing_time
        found.append(_policy(context, "queue-delay", "queue_delay", backlog, delay.cooldown))
    return found


def _policy(context: Context, metric: str, key: str, value: float, own: Cooldown | None) -> ScalingPolicy:
    general = context.manifest.count.cooldown
    into, out = DEFAULT_IN, DEFAULT_OUT
    for cooldown in (general, own):
        if cooldown is not None:
            into = into if cooldown.in_ is None else seconds(cooldown.in_)
            out = out if cooldown.out is None else seconds(cooldown.out)
    return from_plain(
        ScalingPolicy,
        {
            "metric": metric,
            "target_value": value,
            "scale_in_cooldown": into,
            "scale_out_cooldown": out,
            "position": context.position(f"count.{key}"),
        },
    )
