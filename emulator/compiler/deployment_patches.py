"""Patches of a service's circuit breaker (`overrides/cfn.patches.yml`), which are in force on this machine too.

The template stays as its renderer makes it: that applies all patches to its own finished text.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from emulator.ecs.addons.model import TemplatePatch
from emulator.ecs.deployment import CircuitBreaker
from emulator.ecs.json_patch import apply_patch
from emulator.errors import InputError
from emulator.model import InvalidData, from_plain

CONFIGURATION = ["Resources", "Service", "Properties", "DeploymentConfiguration"]
BREAKER = "DeploymentCircuitBreaker"
_BREAKER = [*CONFIGURATION, BREAKER]


def patched_breaker(patches: Sequence[TemplatePatch]) -> CircuitBreaker | None:
    """The circuit breaker that patches make of Copilot's; None where no patch is of it. Raises `InputError` at the line
    of one that makes none."""
    mine = [patch for patch in patches if patch.path == CONFIGURATION or patch.path[: len(_BREAKER)] == _BREAKER]
    if not mine:
        return None
    tree: dict[str, object] = {CONFIGURATION[-1]: {BREAKER: {"Enable": True, "Rollback": True}}}
    for patch in mine:
        here = patch.model_copy(update={"path": patch.path[len(CONFIGURATION) - 1 :]})
        apply_patch(tree, here, copy.deepcopy(here.value), base=f"/{'/'.join(CONFIGURATION[:-1])}")
    configuration = tree.get(CONFIGURATION[-1])
    try:
        return breaker_of(configuration.get(BREAKER) if isinstance(configuration, dict) else None)
    except (InvalidData, ValueError) as error:
        raise InputError(
            f"the circuit breaker that the patches make is none: {error}",
            position=mine[-1].position,
            hint="Enable, Rollback and ResetOnHealthyTask are true or false; ThresholdConfiguration has a Type (COUNT, "
            "BOUNDED_PERCENT or UNBOUNDED_PERCENT) and a Value",
        ) from None


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
