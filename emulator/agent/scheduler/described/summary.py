"""Where the deployment of a service stands, in the agent's status."""

from __future__ import annotations

from typing import Any

from emulator.agent.scheduler.rollout_records import Former, Rollout, State
from emulator.ecs.deployment import Deployment


def deployment_summary(current: Rollout, last: Former | None, deployment: Deployment) -> dict[str, Any]:
    """Of the PRIMARY deployment; `last` is the last service deployment that has ended."""
    rolled_back = last is not None and last.id == current.rolls_back and not current.wanted
    return {
        "id": current.id,
        "state": current.state.value,
        "reason": current.reason,
        "failed_tasks": current.failed_tasks,
        "threshold": deployment.breaker.threshold(current.desired),
        "strategy": current.strategy,
        "stage": current.stage if current.state is State.IN_PROGRESS else "",
        "part": current.part,
        "hook_until": current.hook.expires if current.hook is not None else "",
        "last_failure": current.last_failure,
        "rolled_back": last.why() if last is not None and rolled_back else "",
    }
