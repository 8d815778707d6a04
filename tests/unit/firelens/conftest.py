from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.ecs.identity import TaskIdentity, task_identity
from emulator.ecs.task_definition import TaskDefinition
from emulator.model import from_plain

GOLDEN = Path(__file__).parents[2] / "golden" / "firelens"

CLOUDWATCH = {
    "Name": "cloudwatch",
    "region": "us-west-2",
    "log_group_name": "/copilot/sidecar-test-hello",
    "log_stream_prefix": "copilot/",
}
FIREHOSE = {
    "Name": "kinesis_firehose",
    "region": "us-west-2",
    "delivery_stream": "my-stream",
    "include-pattern": "*failure*",
    "exclude-pattern": "*success*",
    "log-driver-buffer-limit": "4096",
}

MakeTask = Callable[..., TaskDefinition]


@pytest.fixture
def make_task() -> MakeTask:
    """Builds a task of a container `web` that logs through a router; keywords change the task's parts."""

    def make(
        *,
        options: dict[str, str] | None = None,
        secrets: dict[str, str] | None = None,
        type: str = "fluentbit",
        firelens: dict[str, str] | None = None,
        network_mode: str | None = "awsvpc",
        router: dict[str, Any] | None = None,
        web: dict[str, Any] | None = None,
        others: list[dict[str, Any]] | None = None,
    ) -> TaskDefinition:
        log_configuration = {
            "logDriver": "awsfirelens",
            "options": CLOUDWATCH if options is None else options,
            "secretOptions": [{"name": name, "valueFrom": value} for name, value in (secrets or {}).items()],
        }
        containers = [
            {"name": "web", "image": "web", "logConfiguration": log_configuration, **(web or {})},
            {
                "name": "firelens_log_router",
                "image": "router",
                "firelensConfiguration": {"type": type, "options": firelens or {}},
                **(router or {}),
            },
            *(others or []),
        ]
        task: dict[str, Any] = {"family": "web", "containerDefinitions": containers}
        if network_mode is not None:
            task["networkMode"] = network_mode
        return from_plain(TaskDefinition, task)

    return make


@pytest.fixture
def fargate_task() -> TaskIdentity:
    return identity()


@pytest.fixture
def ec2_task() -> TaskIdentity:
    return identity("i-123456789a")


@pytest.fixture
def golden() -> Callable[[str], str]:
    """The text of an expected file."""
    return lambda name: (GOLDEN / name).read_text()


def identity(instance: str | None = None) -> TaskIdentity:
    return task_identity(
        cluster="mycluster",
        family="web",
        revision=3,
        region="us-east-2",
        task_id="0123456789abcdef0123456789abcdef",
        ec2_instance_id=instance,
    )


@pytest.fixture
def firehose() -> dict[str, str]:
    return dict(FIREHOSE)


@pytest.fixture
def cloudwatch() -> dict[str, str]:
    return dict(CLOUDWATCH)
