"""What the agent's status says of the deployment of a service, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def deployment_lines(service: Mapping[str, Any]) -> list[str]:
    """What there is to say of a service's deployment, by the agent's status: that it failed, and of what."""
    deployment = service.get("deployment") or {}
    if deployment.get("rolled_back"):
        return [f"the last deployment was rolled back: {deployment['rolled_back']}"]
    if deployment.get("state") != "FAILED":
        return []
    last = f" ({deployment['failed_tasks']} failed: {deployment['last_failure']})" if deployment["last_failure"] else ""
    return [f"its deployment failed, and no task is started any more: {deployment['reason'].rstrip('.')}{last}"]
