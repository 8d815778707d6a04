"""Patches of a service's deployments (`overrides/cfn.patches.yml`), which are in force on this machine too: the circuit
breaker, and the strategy with what belongs to it.

The template stays as its renderer makes it: that applies all patches to its own finished text.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.ecs.addons.model import TemplatePatch
from emulator.ecs.deployment import HOOK_STAGES, CircuitBreaker, LifecycleHook, TrafficShift
from emulator.ecs.json_patch import apply_patch
from emulator.errors import InputError
from emulator.model import InvalidData, from_plain

CONFIGURATION = ["Resources", "Service", "Properties", "DeploymentConfiguration"]
BREAKER = "DeploymentCircuitBreaker"
STRATEGY = ("Strategy", "BakeTimeInMinutes", "LinearConfiguration", "CanaryConfiguration", "LifecycleHooks")
"""The properties that say how requests go over to new tasks."""
_STRATEGIES = ("ROLLING", "BLUE_GREEN", "LINEAR", "CANARY")
_MOST_MINUTES = 1440
_MOST_HOOK_MINUTES = 20160


def patched_breaker(patches: Sequence[TemplatePatch]) -> CircuitBreaker | None:
    """The circuit breaker that patches make of Copilot's; None where no patch is of it. Raises `InputError` at the line
    of one that makes none."""
    mine, configuration = _patched(patches, (BREAKER,))
    if not mine:
        return None
    try:
        return breaker_of(configuration.get(BREAKER))
    except (InvalidData, ValueError) as error:
        raise InputError(
            f"the circuit breaker that the patches make is none: {error}",
            position=mine[-1].position,
            hint="Enable, Rollback and ResetOnHealthyTask are true or false; ThresholdConfiguration has a Type (COUNT, "
            "BOUNDED_PERCENT or UNBOUNDED_PERCENT) and a Value",
        ) from None


def patched_shift(patches: Sequence[TemplatePatch]) -> TrafficShift | None:
    """How requests go over to new tasks by the patches; None where tasks are replaced one after the other. Raises
    `InputError` at the line of a patch that makes no deployment configuration."""
    mine, configuration = _patched(patches, STRATEGY)
    if not mine:
        return None
    try:
        return shift_of(configuration)
    except (InvalidData, ValueError) as error:
        raise InputError(
            f"the deployment configuration that the patches make is none: {error}",
            position=mine[-1].position,
            hint="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"
            "aws-properties-ecs-service-deploymentconfiguration.html",
        ) from None


def _patched(
    patches: Sequence[TemplatePatch], properties: Sequence[str]
) -> tuple[list[TemplatePatch], Mapping[str, object]]:
    """The patches of these properties, and the deployment configuration that all of them make."""
    depth = len(CONFIGURATION)
    wanted = [[*CONFIGURATION, name] for name in properties]
    mine = [p for p in patches if p.path == CONFIGURATION or any(p.path[: depth + 1] == path for path in wanted)]
    tree: dict[str, object] = {CONFIGURATION[-1]: {BREAKER: {"Enable": True, "Rollback": True}}}
    for patch in mine:
        here = patch.model_copy(update={"path": patch.path[depth - 1 :]})
        apply_patch(tree, here, copy.deepcopy(here.value), base=f"/{'/'.join(CONFIGURATION[:-1])}")
    configuration = tree.get(CONFIGURATION[-1])
    return mine, configuration if isinstance(configuration, dict) else {}


def breaker_of(properties: object) -> CircuitBreaker:
    """A circuit breaker from its properties in CloudFormation; without any it is off. Raises `ValueError` or
    `InvalidData`."""
    if properties is None:
        return CircuitBreaker(enable=False, rollback=False)
    if not isinstance(properties, dict):
        raise ValueError("it is no map")
    known = {"Enable", "Rollback", "ResetOnHealthyTask", "ThresholdConfiguration"}
    threshold = properties.get("ThresholdConfiguration", {})
    if not isinstance(threshold, dict):
        raise ValueError("ThresholdConfiguration is no map")
    unknown = [*(properties.keys() - known), *(threshold.keys() - {"Type", "Value"})]
    if unknown:
        raise ValueError(f"unknown property {', '.join(sorted(map(str, unknown)))}")
    plain = {
        "enable": properties.get("Enable", False),
        "rollback": properties.get("Rollback", False),
        "reset_on_healthy_task": properties.get("ResetOnHealthyTask", True),
        "threshold_type": threshold.get("Type", "BOUNDED_PERCENT"),
        "threshold_value": threshold.get("Value", 50),
    }
    return from_plain(CircuitBreaker, plain)


def shift_of(properties: Mapping[str, object]) -> TrafficShift | None:
    """How requests go over, from the properties of CloudFormation's DeploymentConfiguration; None for ROLLING. Raises
    `ValueError` or `InvalidData` for what CloudFormation would refuse."""
    strategy = properties.get("Strategy", "ROLLING")
    if strategy not in _STRATEGIES:
        raise ValueError(f"Strategy is {strategy!r}, and not one of {', '.join(_STRATEGIES)}")
    linear = _map(properties, "LinearConfiguration", {"StepPercent", "StepBakeTimeInMinutes"})
    canary = _map(properties, "CanaryConfiguration", {"CanaryPercent", "CanaryBakeTimeInMinutes"})
    for name, own in (("LinearConfiguration", "LINEAR"), ("CanaryConfiguration", "CANARY")):
        if name in properties and strategy != own:
            raise ValueError(f"{name} goes with the Strategy {own}, and it is {strategy}")
    hooks = [_hook(one) for one in _list(properties, "LifecycleHooks")]
    if strategy == "ROLLING":
        if hooks or "BakeTimeInMinutes" in properties:
            raise ValueError("BakeTimeInMinutes and LifecycleHooks go with another Strategy than ROLLING")
        return None
    if strategy == "BLUE_GREEN" and "BakeTimeInMinutes" not in properties:
        raise ValueError("the Strategy BLUE_GREEN needs BakeTimeInMinutes")
    found = from_plain(
        TrafficShift,
        {
            "strategy": strategy,
            "bake_minutes": properties.get("BakeTimeInMinutes", 0),
            "step_percent": linear.get("StepPercent", 10),
            "step_bake_minutes": linear.get("StepBakeTimeInMinutes", 6),
            "canary_percent": canary.get("CanaryPercent", 5),
            "canary_bake_minutes": canary.get("CanaryBakeTimeInMinutes", 10),
        },
    )
    _within("StepPercent", found.step_percent, 3, 100)
    _within("CanaryPercent", found.canary_percent, 0.1, 100)
    for name, minutes in (
        ("BakeTimeInMinutes", found.bake_minutes),
        ("StepBakeTimeInMinutes", found.step_bake_minutes),
        ("CanaryBakeTimeInMinutes", found.canary_bake_minutes),
    ):
        _within(name, minutes, 0, _MOST_MINUTES)
    return found.model_copy(update={"hooks": hooks})


def _hook(content: object) -> LifecycleHook:
    if not isinstance(content, Mapping):
        raise ValueError("a lifecycle hook is no map")
    known = {"TargetType", "HookTargetArn", "RoleArn", "LifecycleStages", "HookDetails", "TimeoutConfiguration"}
    _refuse_unknown(content, known, "a lifecycle hook")
    stages = _list(content, "LifecycleStages")
    if not stages:
        raise ValueError("a lifecycle hook has no LifecycleStages")
    for stage in stages:
        if stage not in HOOK_STAGES:
            raise ValueError(f"a lifecycle hook cannot be at {stage}, only at {', '.join(HOOK_STAGES)}")
    timeout = _map(content, "TimeoutConfiguration", {"TimeoutInMinutes", "Action"})
    plain = {
        "target": content.get("TargetType", "AWS_LAMBDA"),
        "stages": stages,
        "timeout_minutes": timeout.get("TimeoutInMinutes", 1440),
        "on_timeout": timeout.get("Action", "ROLLBACK"),
    }
    found = from_plain(LifecycleHook, plain)
    _within("TimeoutInMinutes", found.timeout_minutes, 1, _MOST_HOOK_MINUTES)
    return found


def _map(properties: Mapping[str, object], name: str, known: set[str]) -> Mapping[str, Any]:
    found = properties.get(name, {})
    if not isinstance(found, Mapping):
        raise ValueError(f"{name} is no map")
    _refuse_unknown(found, known, name)
    return found


def _list(properties: Mapping[str, object], name: str) -> list[object]:
    found = properties.get(name, [])
    if not isinstance(found, list):
        raise ValueError(f"{name} is no list")
    return found


def _refuse_unknown(properties: Mapping[str, object], known: set[str], where: str) -> None:
    unknown = sorted(map(str, properties.keys() - known))
    if unknown:
        raise ValueError(f"unknown property {', '.join(unknown)} of {where}")


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} is {value:g}, and not from {least:g} to {most:g}")
