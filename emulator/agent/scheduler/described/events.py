"""Events of deployments and services in EventBridge's shape. Source: the ECS developer guide, "Amazon ECS events"."""

from __future__ import annotations

import uuid
from typing import Any

from emulator.agent.scheduler.rollout_records import Rollout, cluster_of, now


def deployment_event(rollout: Rollout, kind: str, name: str, reason: str) -> dict[str, Any]:
    """An "ECS Deployment State Change"; `kind` is INFO or ERROR."""
    detail = {"eventType": kind, "eventName": name, "deploymentId": rollout.id, "updatedAt": now(), "reason": reason}
    return _event("ECS Deployment State Change", rollout, detail)


def stage_words(rollout: Rollout) -> str:
    """Where a deployment stands whose strategy shifts traffic. The words are ours."""
    part = f", {100 * rollout.part:g}% of the traffic on its tasks" if rollout.part else ""
    waits = ", awaiting the answer to a PAUSE hook" if rollout.hook is not None else ""
    return f"in lifecycle stage {rollout.stage}{part}{waits}"


def steady_event(rollout: Rollout) -> dict[str, Any]:
    """An "ECS Service Action": all tasks run."""
    detail = {
        "eventType": "INFO",
        "eventName": "SERVICE_STEADY_STATE",
        "clusterArn": cluster_of(rollout.service_arn),
        "createdAt": now(),
    }
    return _event("ECS Service Action", rollout, detail)


def _event(kind: str, rollout: Rollout, detail: dict[str, Any]) -> dict[str, Any]:
    _, _, _, region, account, _ = rollout.service_arn.split(":", 5)
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": kind,
        "source": "aws.ecs",
        "account": account,
        "time": now(),
        "region": region,
        "resources": [rollout.service_arn],
        "detail": detail,
    }
