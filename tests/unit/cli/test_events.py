"""Events as people read them: recorded ones, cut to what is read."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.cli.observe.events import text

AT = "2026-11-29T15:43:02.695+00:00"
TASK = {
    "taskArn": "arn:aws:ecs:us-east-1:000000000000:task/ledger-test/9231aecf0123456789",
    "group": "service:web",
    "lastStatus": "DEPROVISIONING",
    "desiredStatus": "STOPPED",
    "stoppedReason": "Essential container in task exited",
    "containers": [
        {
            "name": "web",
            "lastStatus": "STOPPED",
            "exitCode": 137,
            "reason": "OutOfMemoryError: Container killed due to memory usage",
        },
        {"name": "proxy", "lastStatus": "RUNNING"},
    ],
}
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:ledger-test-nightly"


@pytest.mark.parametrize(
    ("kind", "detail", "expected"),
    [
        (
            "ECS Task State Change",
            TASK,
            "web 9231aecf  DEPROVISIONING, to be stopped (web exited 137, OutOfMemoryError: Container killed due to"
            " memory usage, proxy running): Essential container in task exited",
        ),
        ("ECS Service Action", {"eventName": "SERVICE_STEADY_STATE"}, "web  SERVICE_STEADY_STATE"),
        (
            "ECS Deployment State Change",
            {"eventName": "SERVICE_DEPLOYMENT_FAILED", "reason": "tasks failed to start."},
            "web  SERVICE_DEPLOYMENT_FAILED: tasks failed to start.",
        ),
        (
            "Step Functions Execution Status Change",
            {"stateMachineArn": MACHINE, "status": "FAILED", "cause": "exit code 1"},
            "ledger-test-nightly  FAILED: exit code 1",
        ),
    ],
)
def test_an_event_is_one_line(kind: str, detail: dict[str, Any], expected: str) -> None:
    arn = "arn:aws:ecs:us-east-1:000000000000:service/ledger-test/web"
    event = {"detail-type": kind, "time": AT, "resources": [arn], "detail": detail}
    assert text(event) == f"2026-11-29 15:43:02  {expected}"
