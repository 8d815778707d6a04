"""Which tasks the service scheduler gives up because they are unhealthy.

Source: the ECS developer guide, "Service load balancing" and "Task health": an unhealthy target or an unhealthy
essential container makes the scheduler replace a task, not before the service's grace period since its start is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from emulator.engine.interface import Health
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.observed import Observed

CONTAINER_REASON = "Task failed container health checks"


def given_up(
    state: DesiredState, observed: Observed, failing_targets: Mapping[str, str], now: datetime
) -> dict[str, str]:
    """Task id to the reason, for every unhealthy task whose grace period is over."""
    found: dict[str, str] = {}
    for name, desired in state.services.items():
        if desired.is_attended:
            continue  # a debugger may have stopped it, or it was not started
        for task in observed.tasks_of(name):
            if task.pause is None:
                continue
            age = (now - task.pause.created).total_seconds()
            if age < desired.service.health_check_grace_period:
                continue
            checked = [m for m in task.members.values() if m.essential and m.container.health is Health.UNHEALTHY]
            if checked:
                found[task.id] = f"{CONTAINER_REASON}: {checked[0].name}"
            elif task.id in failing_targets:
                found[task.id] = failing_targets[task.id]
    return found
