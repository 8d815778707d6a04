"""Which tasks the service scheduler gives up because they are unhealthy.

Source: the ECS developer guide, "Service load balancing" and "Task health": an unhealthy target or an unhealthy
essential container makes the scheduler replace a task, not before the service's grace period since its start is over.
The words are those of "Stopped tasks error codes" and "service event messages" there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from emulator.agent.load_balancer.front_monitor import FailingTarget
from emulator.engine.interface import Health
from emulator.runtime.state.desired import DesiredService, DesiredState
from emulator.runtime.state.observed import Observed, Task

CONTAINER_REASON = "Task failed container health checks"
TARGET_REASON = "Task failed ELB health checks in (target-group {})"


@dataclass(frozen=True, slots=True)
class Unhealthy:
    """Why a task is given up: `reason` in ECS's words for the task, `event` for the service, `why` in words for
    people."""

    reason: str
    event: str
    why: str


def given_up(
    state: DesiredState, observed: Observed, failing_targets: Mapping[str, FailingTarget], now: datetime
) -> dict[str, Unhealthy]:
    """Task id to why, for every unhealthy task whose grace period is over."""
    found: dict[str, Unhealthy] = {}
    for name, desired in state.services.items():
        for task in observed.tasks_of(name):
            if (unhealthy := judged(desired, task, failing_targets.get(task.id), now)) is not None:
                found[task.id] = unhealthy
    return found


def judged(desired: DesiredService, task: Task, failing: FailingTarget | None, now: datetime) -> Unhealthy | None:
    """Why one task is given up; None where it is not. `failing`: its target, where that is unhealthy."""
    if desired.is_attended or task.pause is None:
        return None  # a debugger may have stopped it, or it was not started
    age = (now - task.pause.created).total_seconds()
    if age < desired.service.health_check_grace_period:
        return None
    checked = [m for m in task.members.values() if m.essential and m.container.health is Health.UNHEALTHY]
    if checked:
        event = f"(task {task.id}) failed container health checks."
        return Unhealthy(CONTAINER_REASON, event, f"{CONTAINER_REASON}: {checked[0].name}")
    if failing is None:
        return None
    where = f"(port {failing.port}) is unhealthy in (target-group {failing.target_group})"
    return Unhealthy(
        TARGET_REASON.format(failing.target_group),
        f"(task {task.id}) {where} due to (reason {failing.description}).",
        f"port {failing.port} failed the load balancer's health checks ({failing.description})",
    )
