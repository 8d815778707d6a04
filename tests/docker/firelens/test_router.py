from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import Secret, TaskDefinition
from emulator.firelens.ecs_config import ecs_router_configuration
from emulator.firelens.local import local_router_configuration
from emulator.model import from_plain

pytestmark = pytest.mark.docker

StartRouter = Callable[..., Any]
CLOUDWATCH = {"Name": "cloudwatch", "region": "eu-west-1", "log_group_name": "/demo", "log_stream_prefix": "copilot/"}
CONTAINERS = ("web", "worker", "burst")
USER_FILE = """\
[SERVICE]
    Parsers_File /fluent-bit/parsers/parsers.conf
    Grace 30

[FILTER]
    Name parser
    Match web-firelens*
    Key_Name log
    Parser json
    Reserve_Data True

[FILTER]
    Name modify
    Match *
    Copy container_name seen_by_users_filter

[OUTPUT]
    Name http
    Match *
    Host logs.example.com
    tls On
"""


def task(options: dict[str, str], router: dict[str, Any] | None = None, **changes: Any) -> TaskDefinition:
    containers = [
        {"name": name, "image": name, "logConfiguration": {"logDriver": "awsfirelens", "options": options}}
        for name in CONTAINERS
    ]
    firelens = {"type": "fluentbit", "options": router or {}}
    containers.append({"name": "firelens_log_router", "image": "router", "firelensConfiguration": firelens})
    return from_plain(
        TaskDefinition,
        {"family": "demo-test-hello", "networkMode": "awsvpc", "containerDefinitions": containers, **changes},
    )


def local_files(definition: TaskDefinition, identity: TaskIdentity, **options: Any) -> dict[str, str]:
    configuration = local_router_configuration(definition, identity, service="hello", **options)
    return {configuration.path: configuration.text, **configuration.files}


@pytest.fixture(scope="module")
def router(start_shared_router: StartRouter, identity: TaskIdentity) -> Any:
    """By itself, without a file of the user's."""
    definition = task(CLOUDWATCH)
    return start_shared_router(definition, identity, local_files(definition, identity))


def test_records_are_those_of_fargate(router: Any, identity: TaskIdentity) -> None:
    router.run("web", "echo 'first é'; echo '{\"a\":1}' >&2")
    first, second = sorted(router.wait_for(2), key=lambda record: str(record.fields["source"]), reverse=True)
    assert first.tag == f"web-firelens-{identity.task_id}"
    assert first.fields == {
        "source": "stdout",
        "log": "first é",
        "container_id": identity.container_id("web"),
        "container_name": "web",
        "ecs_cluster": "demo-test",
        "ecs_task_arn": identity.task_arn,
        "ecs_task_definition": "demo-test-hello:1",
    }
    assert (second.fields["source"], second.fields["log"]) == ("stderr", '{"a":1}')
    router.run("worker", "echo from the worker")
    [record] = router.wait_for(1, "worker")
    assert record.fields["container_name"] == "worker"


def test_a_burst_arrives_whole(router: Any) -> None:
    count = 4_000
    # It stays: Docker gives the output of a container that exits ten seconds.
    router.start("burst", f"seq {count}; exec sleep 3600")
    router.wait_for_lines(count, "burst")
    assert [record.fields["log"] for record in router.records("burst")] == [str(n) for n in range(1, count + 1)]


def test_the_users_file_works_and_its_outputs_stay_here(start_router: StartRouter, identity: TaskIdentity) -> None:
    router_options = {"config-file-type": "file", "config-file-value": "/extra/user.conf"}
    definition = task({"Name": "datadog", "apikey": "none"}, router_options)
    files = local_files(definition, identity, read={"/extra/user.conf": USER_FILE}.get)
    router = start_router(definition, identity, files)
    router.run("web", 'echo \'{"level":"info","n":7}\'')
    [record] = router.wait_for(1)
    assert (record.fields["level"], record.fields["n"]) == ("info", 7)
    assert record.fields["seen_by_users_filter"] == "web"
    [captured] = router.wait_for(1, "output-1")
    assert captured.fields == record.fields


@pytest.fixture(scope="module")
def as_ecs(start_shared_router: StartRouter, identity: TaskIdentity) -> Any:
    """A router on ECS's own file. The records of `burst` go where a secret option says."""
    definition = task({"Name": "stdout", "include-pattern": "keep", "exclude-pattern": "drop"})
    log_configuration = definition.container("burst").log_configuration
    assert log_configuration is not None
    log_configuration.options = {"Name": "file", "Path": "/copilot-local/logs"}
    log_configuration.secret_options = [Secret(name="File", value_from="parameter")]
    files = {"/fluent-bit/etc/fluent-bit.conf": ecs_router_configuration(definition, identity)}
    number = CONTAINERS.index("burst")
    return start_shared_router(definition, identity, files, {f"File_{number}": f"hello.{identity.task_id}.burst"})


def test_fluent_bit_takes_the_file_that_ecs_generates(as_ecs: Any) -> None:
    as_ecs.run("web", "echo keep this; echo keep and drop; echo neither")
    as_ecs.run("worker", "echo 'keep: the last one'")
    as_ecs.wait_for_output("keep this")
    kept = as_ecs.wait_for_output("the last one")
    assert "keep and drop" not in kept
    assert "neither" not in kept


def test_secret_options_come_from_the_routers_variables(as_ecs: Any) -> None:
    as_ecs.run("burst", "echo hidden")
    [record] = as_ecs.wait_for(1, "burst")
    assert record.fields["log"] == "hidden"
