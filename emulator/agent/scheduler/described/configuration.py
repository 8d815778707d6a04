"""A service's deployment configuration in the shape of the ECS API (DeploymentConfiguration)."""

from __future__ import annotations

from typing import Any

from emulator.ecs.deployment import Deployment, LifecycleHook


def described_configuration(deployment: Deployment) -> dict[str, Any]:
    """As DescribeServices and DescribeServiceDeployments have it."""
    breaker, shift = deployment.breaker, deployment.shift
    found: dict[str, Any] = {
        "deploymentCircuitBreaker": {
            "enable": breaker.enable,
            "rollback": breaker.rollback,
            "resetOnHealthyTask": breaker.reset_on_healthy_task,
            "thresholdConfiguration": {"type": breaker.threshold_type, "value": breaker.threshold_value},
        },
        "maximumPercent": deployment.maximum_percent,
        "minimumHealthyPercent": deployment.minimum_healthy_percent,
        "strategy": shift.strategy if shift is not None else "ROLLING",
    }
    if shift is None:
        return found
    found["bakeTimeInMinutes"] = shift.bake_minutes
    if shift.strategy == "LINEAR":
        found["linearConfiguration"] = {
            "stepPercent": shift.step_percent,
            "stepBakeTimeInMinutes": shift.step_bake_minutes,
        }
    if shift.strategy == "CANARY":
        found["canaryConfiguration"] = {
            "canaryPercent": shift.canary_percent,
            "canaryBakeTimeInMinutes": shift.canary_bake_minutes,
        }
    found["lifecycleHooks"] = [_hook(hook) for hook in shift.hooks]
    return found


def _hook(hook: LifecycleHook) -> dict[str, Any]:
    return {
        "targetType": hook.target,
        "lifecycleStages": list(hook.stages),
        "timeoutConfiguration": {"timeoutInMinutes": hook.timeout_minutes, "action": hook.on_timeout},
    }
