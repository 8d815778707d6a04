"""What the agent's status says of the deployment of a service, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def deployment_lines(service: Mapping[str, Any]) -> list[str]:
    """What there is to say of a service's deployment, by the agent's status: that it failed, and of what."""
    deployment = service.get("deployment") or {}
    if deployment.get("state") == "IN_PROGRESS" and deployment.get("stage"):
        return [_shift_words(deployment)]
    if deployment.get("rolled_back"):
        return [f"the last deployment was rolled back: {deployment['rolled_back']}"]
    if deployment.get("state") != "FAILED":
        return []
    last = f" ({deployment['failed_tasks']} failed: {deployment['last_failure']})" if deployment["last_failure"] else ""
    return [f"its deployment failed, and no task is started any more: {deployment['reason'].rstrip('.')}{last}"]


def _shift_words(deployment: Mapping[str, Any]) -> str:
    """Where a deployment stands that lets requests go over to new tasks bit by bit."""
    part = f"{100 * float(deployment['part']):g} % of the requests go to the new tasks"
    waits = ""
    if until := deployment["hook_until"]:
        waits = f"; `copilot-local deployment continue` goes on, or `rollback`, until {until[:16]}Z"
    return f"its deployment ({deployment['strategy']}) is at {deployment['stage']}: {part}{waits}"
