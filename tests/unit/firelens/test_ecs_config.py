from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import InputError
from emulator.firelens.ecs_config import ecs_router_configuration
from emulator.model import from_plain

MakeTask = Callable[..., TaskDefinition]
Golden = Callable[[str], str]
FILE = {"config-file-type": "file", "config-file-value": "/etc/dummy.conf"}
S3 = {"config-file-type": "s3", "config-file-value": "arn:aws:s3:::bucket/router.conf"}


def section(text: str, header: str, containing: str) -> str:
    """The one section of a Fluent Bit file that starts with a header and holds a text."""
    [found] = [part for part in text.split("\n\n") if part.strip().startswith(header) and containing in part]
    return found.strip("\n") + "\n"


def test_file_for_fargate(make_task: MakeTask, fargate_task: TaskIdentity, golden: Golden) -> None:
    assert ecs_router_configuration(make_task(), fargate_task) == golden("fargate.conf")


def test_file_for_fluent_bit_on_a_bridge(
    make_task: MakeTask, ec2_task: TaskIdentity, golden: Golden, firehose: dict[str, str]
) -> None:
    task = make_task(options=firehose, firelens=S3, network_mode="bridge", router={"memory": 100})
    assert ecs_router_configuration(task, ec2_task) == golden("fluentbit-bridge.conf")


def test_file_for_fluentd_on_a_bridge(
    make_task: MakeTask, ec2_task: TaskIdentity, golden: Golden, firehose: dict[str, str]
) -> None:
    firehose["@type"] = firehose.pop("Name")
    task = make_task(options=firehose, type="fluentd", firelens=FILE, network_mode="bridge")
    assert ecs_router_configuration(task, ec2_task) == golden("fluentd-bridge.conf")


def test_a_task_without_a_network_mode_is_on_a_bridge(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    unset = ecs_router_configuration(make_task(network_mode=None), fargate_task)
    assert unset == ecs_router_configuration(make_task(network_mode="bridge"), fargate_task)


@pytest.mark.parametrize("mode", ["host", "none"])
def test_without_its_own_address_the_router_has_only_the_socket(
    make_task: MakeTask, fargate_task: TaskIdentity, mode: str
) -> None:
    text = ecs_router_configuration(make_task(network_mode=mode), fargate_task)
    assert text.count("[INPUT]") == 1
    assert "unix_path /var/run/fluent.sock" in text
    assert "firelens-healthcheck" not in text
    fluentd = ecs_router_configuration(
        make_task(network_mode=mode, type="fluentd", options={"@type": "stdout"}), fargate_task
    )
    assert fluentd.count("<source>") == 1


def test_fluentd_on_fargate_listens_on_loopback(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    text = ecs_router_configuration(make_task(type="fluentd", options={"@type": "stdout"}), fargate_task)
    assert "    @type forward\n    bind 127.0.0.1\n    port 24224\n" in text
    assert "firelens-healthcheck" not in text


@pytest.mark.parametrize(
    ("router", "limit"),
    [
        ({}, "25MB"),
        ({"memory": 100}, "50MB"),
        ({"memory": 101}, "50MB"),
        ({"memory": 400, "memoryReservation": 50}, "25MB"),
        ({"memoryReservation": 300}, "150MB"),
    ],
)
def test_buffer_is_half_of_the_routers_memory(
    make_task: MakeTask, fargate_task: TaskIdentity, router: dict[str, int], limit: str
) -> None:
    text = ecs_router_configuration(make_task(router=router), fargate_task)
    assert f"    Mem_Buf_Limit {limit}\n" in section(text, "[INPUT]", "unix_path")


@pytest.mark.parametrize(
    ("value", "shown"), [("true", True), ("1", True), ("T", True), ("false", False), ("yes", False), ("", False)]
)
def test_metadata_is_off_for_whatever_go_does_not_read_as_true(
    make_task: MakeTask, fargate_task: TaskIdentity, value: str, shown: bool
) -> None:
    text = ecs_router_configuration(make_task(firelens={"enable-ecs-log-metadata": value}), fargate_task)
    assert ("ecs_cluster" in text) is shown


def test_user_configuration_stands_between_filters_and_outputs(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    text = ecs_router_configuration(make_task(firelens=FILE), fargate_task)
    before, after = text.split("\n@INCLUDE /etc/dummy.conf\n")
    assert "[FILTER]" in before
    assert "[OUTPUT]" not in before
    assert after.count("[OUTPUT]") == 2


def test_filters_of_all_containers_come_before_all_others(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    api = {
        "name": "api",
        "image": "api",
        "logConfiguration": {"logDriver": "awsfirelens", "options": {"include-pattern": "b", "exclude-pattern": "d"}},
    }
    task = make_task(options={"include-pattern": "a", "exclude-pattern": "c"}, others=[api])
    text = ecs_router_configuration(task, fargate_task)
    rules = [line.strip() for line in text.splitlines() if line.strip().startswith(("Regex", "Exclude"))]
    assert rules == ["Regex  log a", "Regex  log b", "Exclude log c", "Exclude log d"]
    assert "web-firelens*\n    Regex" in text
    assert text.count("[OUTPUT]") == 1, "neither container names an output"


def test_secret_options_are_expanded_from_the_routers_variables(
    make_task: MakeTask, fargate_task: TaskIdentity
) -> None:
    task = make_task(
        options={"Name": "datadog", "zone": "eu", "TLS": "on"}, secrets={"apikey": "arn:aws:ssm:::parameter/key"}
    )
    assert section(ecs_router_configuration(task, fargate_task), "[OUTPUT]", "datadog") == (
        "[OUTPUT]\n    Name datadog\n    Match web-firelens*\n    TLS on\n    apikey ${apikey_0}\n    zone eu\n"
    )
    fluentd = make_task(type="fluentd", options={"@type": "splunk"}, secrets={"token": "token"})
    assert "    token \"#{ENV['token_0']}\"\n" in ecs_router_configuration(fluentd, fargate_task)


def test_index_of_a_secret_counts_every_container(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    sidecar = {
        "name": "sidecar",
        "image": "sidecar",
        "logConfiguration": {
            "logDriver": "awsfirelens",
            "options": {"Name": "datadog"},
            "secretOptions": [{"name": "apikey", "valueFrom": "key"}],
        },
    }
    text = ecs_router_configuration(make_task(others=[sidecar]), fargate_task)
    assert "    apikey ${apikey_2}\n" in text


def test_options_that_are_not_firelens_own_reach_the_output(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    task = make_task(options={"Name": "http", "mode": "non-blocking", "Match": "other*"})
    output = section(ecs_router_configuration(task, fargate_task), "[OUTPUT]", "http")
    assert output == "[OUTPUT]\n    Name http\n    Match web-firelens*\n    Match other*\n    mode non-blocking\n"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"options": {"name": "cloudwatch"}},
            "unable to apply log options of container web to firelens config: missing output key Name "
            "which is required for firelens configuration of type fluentbit",
        ),
        (
            {"options": {"Name": "stdout"}, "type": "fluentd"},
            "unable to apply log options of container web to firelens config: missing output key @type "
            "which is required for firelens configuration of type fluentd",
        ),
        (
            {"firelens": {"config-file-type": "http", "config-file-value": "x"}},
            "invalid value http is specified for option config-file-type",
        ),
        (
            {"firelens": {"config-file-type": "s3"}},
            "option config-file-type is specified but config-file-value is not specified",
        ),
    ],
)
def test_what_ecs_refuses_is_refused_in_its_words(
    make_task: MakeTask, fargate_task: TaskIdentity, parts: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError) as error:
        ecs_router_configuration(make_task(**parts), fargate_task)
    assert error.value.message == message
    assert error.value.hint


def test_a_router_is_required(fargate_task: TaskIdentity) -> None:
    log_configuration = {"logDriver": "awsfirelens", "options": {"Name": "stdout"}}
    task = from_plain(
        TaskDefinition,
        {
            "family": "web",
            "containerDefinitions": [{"name": "web", "image": "web", "logConfiguration": log_configuration}],
        },
    )
    with pytest.raises(InputError, match="a firelens configuration object must be configured"):
        ecs_router_configuration(task, fargate_task)
