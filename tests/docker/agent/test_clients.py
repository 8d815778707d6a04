"""Clients of the task metadata endpoint that services use, unmodified, inside a task."""

from __future__ import annotations

import pytest

from tests.docker.agent.conftest import Service

pytestmark = pytest.mark.docker

OPENTELEMETRY = """
import json
from opentelemetry.sdk.extension.aws.resource.ecs import AwsEcsResourceDetector
print(json.dumps(dict(AwsEcsResourceDetector(raise_on_error=True).detect().attributes)))
"""
ECS_METADATA = """
import json
from ecs_metadata import main
print(json.dumps([main.fetch_container_metadata()["Name"], main.fetch_container_ips()]))
"""


def test_opentelemetry_detects_ecs_and_another_client_the_address(service: Service) -> None:
    service.up()
    service.install("opentelemetry-sdk-extension-aws", "ecs-metadata")
    found = service.python(OPENTELEMETRY)
    container, task = service.metadata(), service.metadata("/task")
    group = f"/copilot/{service.shell.app}-test-sdk"
    stream = f"copilot/sdk/{task['TaskARN'].rpartition('/')[2]}"
    assert found == {
        "cloud.provider": "aws",
        "cloud.platform": "aws_ecs",
        "container.name": service.variables()["HOSTNAME"],
        "container.id": found["container.id"],
        "aws.ecs.container.arn": container["ContainerARN"],
        "aws.ecs.cluster.arn": task["Cluster"],
        "aws.ecs.launchtype": "fargate",
        "aws.ecs.task.arn": task["TaskARN"],
        "aws.ecs.task.family": f"{service.shell.app}-test-sdk",
        "aws.ecs.task.revision": "1",
        "aws.log.group.names": [group],
        "aws.log.group.arns": [f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"],
        "aws.log.stream.names": [stream],
        "aws.log.stream.arns": found["aws.log.stream.arns"],
    }
    assert len(found["container.id"]) == 64
    assert found["aws.log.stream.arns"][0].endswith(f"log-stream:{stream}")
    assert service.python(ECS_METADATA) == ["sdk", container["Networks"][0]["IPv4Addresses"]]
