"""`deploymentConfiguration` of CreateService and UpdateService, as the agent deploys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.api.errors import invalid, unsupported
from emulator.ecs.deployment import CircuitBreaker, Deployment

UNCHANGED = ("bakeTimeInMinutes", "lifecycleHooks", "linearConfiguration", "canaryConfiguration")


def deployment_of(asked: Mapping[str, Any], current: Deployment) -> Deployment:
    """The deployment that is asked for; members that are not given stay as they are. Raises `ApiError`."""
    if (strategy := asked.get("strategy", "ROLLING")) != "ROLLING":
        raise unsupported(f"deploymentConfiguration.strategy {strategy} is not deployed on this machine: use ROLLING")
    if asked.get("alarms", {}).get("enable"):
        raise unsupported("deploymentConfiguration.alarms: there are no alarms on this machine")
    for key in UNCHANGED:
        if asked.get(key):
            raise unsupported(f"deploymentConfiguration.{key} is for other strategies than ROLLING")
    least, most = percents(asked, current.minimum_healthy_percent, current.maximum_percent)
    found = current.model_copy(update={"minimum_healthy_percent": least, "maximum_percent": most})
    if (breaker := asked.get("deploymentCircuitBreaker")) is not None:
        found = found.model_copy(update={"circuit_breaker": _breaker(breaker)})
    return found


def percents(asked: Mapping[str, Any], least: int, most: int) -> tuple[int, int]:
    """How many of the tasks must run and may run; those that are given where the request does not say. Raises
    `ApiError` for what ECS refuses."""
    least, most = asked.get("minimumHealthyPercent", least), asked.get("maximumPercent", most)
    if not 0 <= least <= 100 or most < 100:
        raise invalid("minimumHealthyPercent must be between 0 and 100, and maximumPercent at least 100.")
    if least == 100 and most == 100:
        raise invalid(
            "The maximumPercent and minimumHealthyPercent values may not both be 100: no task could be replaced."
        )
    return least, most


def _breaker(asked: Mapping[str, Any]) -> CircuitBreaker:
    found = CircuitBreaker(
        enable=bool(asked["enable"]),
        rollback=bool(asked["rollback"]),
        reset_on_healthy_task=asked.get("resetOnHealthyTask", True),
    )
    if (threshold := asked.get("thresholdConfiguration")) is None:
        return found
    given = {"threshold_type": threshold.get("type"), "threshold_value": threshold.get("value")}
    return found.model_copy(update={key: value for key, value in given.items() if value is not None})
