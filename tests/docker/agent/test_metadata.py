"""Task metadata as a container sees it: by its own URI, over the shared network namespace, also after the agent was
restarted or made anew; and as unmodified clients read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from emulator.engine.interface import ContainerSpec
from tests.docker.agent.conftest import KEYS, MANIFEST, SESSION, TELL, Service

pytestmark = pytest.mark.docker

Until = Callable[[str, Callable[[], object]], None]
BRIEF = "  brief: *waits\n"
"""It is there for the one test that ends it."""
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


@pytest.fixture(scope="module")
def service(shared_service: Service) -> Service:
    """The service, which runs; tests leave it as it was."""
    shared_service.project.write("copilot/sdk/manifest.yml", MANIFEST + BRIEF)
    shared_service.configure(**KEYS)
    shared_service.up()
    return shared_service


def test_every_container_finds_itself_and_its_task(service: Service, until: Until) -> None:
    mine = service.variables("sdk")
    helpers = service.variables("helper")
    own = service.metadata()
    assert own["Name"] == "sdk"
    assert mine["ECS_CONTAINER_METADATA_URI_V4"].endswith(f"/v4/{own['DockerId']}")
    assert mine["ECS_CONTAINER_METADATA_URI"] == mine["ECS_CONTAINER_METADATA_URI_V4"].replace("/v4/", "/v3/")
    # the other container asks from the same address and is another one
    wget = service.exec("helper", ["wget", "-qO-", helpers["ECS_CONTAINER_METADATA_URI_V4"]])
    assert json.loads(wget.stdout)["Name"] == "helper"

    pause = next(row for row in service.containers() if row.labels.get("copilot-local.role") == "pause")
    (address,) = pause.addresses.values()
    network = own["Networks"][0]
    assert network["IPv4Addresses"] == [address]
    interface = service.exec("sdk", ["cat", "/sys/class/net/eth0/address", "/etc/hostname"]).stdout.decode().split()
    assert interface == [network["MACAddress"], network["PrivateDNSName"]]

    task = service.metadata("/task")
    assert [c["Name"] for c in task["Containers"]] == ["sdk", "brief", "helper"]
    assert (task["KnownStatus"], task["DesiredStatus"], task["Limits"]) == (
        "RUNNING",
        "RUNNING",
        {"CPU": 0.25, "Memory": 512},
    )
    image = service.engine.image(next(r.image for r in service.containers() if r.name == service.name("sdk")))
    assert image is not None
    assert own["ImageID"] == image.id
    assert service.json("/v2/metadata")["TaskARN"] == task["TaskARN"]
    assert service.fetch("/v4/bad") == (
        404,
        '"V4 container metadata handler: unable to get container ID from request: '
        'unable to get docker ID from v3 endpoint ID: bad"',
    )
    assert service.fetch("/v4/") != service.fetch("/v4") == (404, "404 page not found\n")

    wanted = {"status": "HEALTHY", "output": "fine\n"}
    health: dict[str, str] = {}

    def is_healthy() -> bool:
        health.update(service.json(mine["ECS_CONTAINER_METADATA_URI_V4"])["Health"])
        return health.items() >= wanted.items()

    until("a healthy container", is_healthy)
    assert health["statusSince"] > own["StartedAt"]

    service.engine.kill(service.name("brief"), "SIGTERM")
    ended = {"ExitCode", "FinishedAt"}
    brief: dict[str, Any] = {}

    def has_ended() -> bool:
        brief.update(service.json(mine["ECS_CONTAINER_METADATA_URI_V4"] + "/task")["Containers"][1])
        return ended <= set(brief)

    until("a stopped container", has_ended)
    assert brief["KnownStatus"] == "STOPPED"


def test_the_first_request_has_statistics(service: Service) -> None:
    uri = service.variables()["ECS_CONTAINER_METADATA_URI_V4"]
    found: dict[str, Any] = service.json(f"{uri}/stats")
    assert found["cpu_stats"]["cpu_usage"]["total_usage"] >= found["precpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert found["cpu_stats"]["system_cpu_usage"] > found["precpu_stats"]["system_cpu_usage"]
    assert found["memory_stats"]["usage"] > 1_000_000
    assert found["memory_stats"]["stats"]["rss"] > 0
    assert found["networks"]["eth1"]["rx_bytes"] > 0
    assert found["network_rate_stats"]["rx_bytes_per_sec"] >= 0
    assert found["preread"] < found["read"]
    assert set(service.json(f"{uri}/task/stats")) == {c["DockerId"] for c in service.metadata("/task")["Containers"]}


def test_a_restarted_agent_answers_again(service: Service, until: Until) -> None:
    before = service.metadata()
    service.crash_agent()
    # No client has to wait for an old neighbour entry to time out, which takes over ten seconds.
    until("an answer", lambda: service.fetch(before_uri(before), timeout=1)[0] == 200)
    after = service.metadata()
    assert after["DockerId"] == before["DockerId"]
    assert after["LogDriver"] == before["LogDriver"]  # it knows the definition again


def test_an_agent_at_another_address_answers_too(service: Service, busybox: str) -> None:
    before = service.metadata()
    agent = next(row for row in service.containers() if row.labels.get("copilot-local.role") == "agent")
    (network, address), *_ = agent.addresses.items()
    service.engine.remove(agent.name)
    # Another container takes the address and, on older daemons, the hardware address that goes with it.
    other = ContainerSpec(name=f"{network}-other", image=busybox, labels=service.labels, network=network)
    service.engine.create_container(replace(other, command=("sleep", "3600"), init=True))
    service.engine.start(other.name)
    try:
        service.up()
        # An old neighbour entry would take over ten seconds to time out.
        assert service.fetch(before_uri(before), timeout=8)[0] == 200
        agent = next(row for row in service.containers() if row.labels.get("copilot-local.role") == "agent")
        assert agent.addresses[network] != address
    finally:
        service.engine.remove(other.name)


def before_uri(container: dict[str, Any]) -> str:
    return f"/v4/{container['DockerId']}"


def test_opentelemetry_detects_ecs_and_another_client_the_address(service: Service) -> None:
    service.install("opentelemetry-sdk-extension-aws", "ecs-metadata")
    found = service.python(OPENTELEMETRY)
    container, task = service.metadata(), service.metadata("/task")
    group = f"/copilot/{service.project.app}-test-sdk"
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
        "aws.ecs.task.family": f"{service.project.app}-test-sdk",
        "aws.ecs.task.revision": "1",
        "aws.log.group.names": [group],
        "aws.log.group.arns": [f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"],
        "aws.log.stream.names": [stream],
        "aws.log.stream.arns": found["aws.log.stream.arns"],
    }
    assert len(found["container.id"]) == 64
    assert found["aws.log.stream.arns"][0].endswith(f"log-stream:{stream}")
    assert service.python(ECS_METADATA) == ["sdk", container["Networks"][0]["IPv4Addresses"]]


def test_without_a_source_botocore_finds_no_credentials(service: Service) -> None:
    service.install("botocore")
    assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in service.variables()
    # else it would go on to ask EC2's instance metadata, and wait for it
    assert service.python(f"import os; os.environ['AWS_EC2_METADATA_DISABLED'] = 'true'{SESSION}{TELL}") is None
