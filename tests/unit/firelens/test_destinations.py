from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import pytest

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import Unsupported
from emulator.firelens.destinations import Destinations
from emulator.firelens.local import LocalRouterConfiguration, local_router_configuration
from emulator.settings import LogPolicy

MakeTask = Callable[..., TaskDefinition]
DATADOG = {"Name": "datadog", "apikey": "none", "Host": "logs.example.com"}
FILE = {"config-file-type": "file", "config-file-value": "/extra.conf"}
USER_FILE = "[OUTPUT]\n    Name s3\n    Match web*\n    bucket logs\n    region eu-west-1\n"


def local(
    task: TaskDefinition,
    identity: TaskIdentity,
    policies: Mapping[str, str],
    go_plugins: frozenset[str] | None = frozenset(),
) -> LocalRouterConfiguration:
    destinations = Destinations(cast("Mapping[str, LogPolicy]", policies), go_plugins)
    read = {"/extra.conf": USER_FILE}.get
    return local_router_configuration(
        task, identity, service="hello", destinations=destinations, read=read, check=False
    )


def outputs(configuration: LocalRouterConfiguration) -> dict[str, tuple[str, str]]:
    return {output.stream: (output.plugin, output.policy) for output in configuration.outputs}


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ({}, "capture"),
        ({"*": "live"}, "live"),
        ({"*": "live", "datadog": "capture"}, "capture"),
        ({"datadog": "capture", "web": "live"}, "live"),
        ({"*": "local-aws"}, "capture"),  # AWS has nothing like it, and it was not named
    ],
)
def test_the_most_specific_policy_counts(
    make_task: MakeTask, fargate_task: TaskIdentity, policies: Mapping[str, str], expected: str
) -> None:
    configuration = local(make_task(options=DATADOG), fargate_task, policies)
    assert outputs(configuration) == {"web": ("datadog", expected)}
    assert ("logs.example.com" in configuration.text) is (expected == "live")


def test_what_leaves_the_machine_is_named_with_its_target(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    [output] = local(make_task(options=DATADOG), fargate_task, {"*": "live"}).outputs
    assert output.target == "datadog, Host logs.example.com"


def test_a_plugin_that_is_not_of_aws_cannot_be_sent_to_local_aws(
    make_task: MakeTask, fargate_task: TaskIdentity
) -> None:
    with pytest.raises(Unsupported, match="datadog of web cannot go to local AWS") as error:
        local(make_task(options=DATADOG), fargate_task, {"web": "local-aws"})
    assert "cloudwatch_logs" in error.value.hint


def test_cloudwatch_of_the_published_manifest_goes_to_the_local_endpoint_by_fluent_bits_own_plugin(
    make_task: MakeTask, fargate_task: TaskIdentity, cloudwatch: dict[str, str]
) -> None:
    options = {**cloudwatch, "new_log_group_tags": "a=b", "log_group_name": "/$(ecs_cluster)/logs"}
    configuration = local(make_task(options=options), fargate_task, {"cloudwatch": "local-aws"})
    assert configuration.text.endswith(
        "\n[OUTPUT]\n"
        "    Name cloudwatch_logs\n"
        "    Match web-firelens*\n"
        "    log_group_name /mycluster/logs\n"
        "    log_stream_prefix copilot/\n"
        "    region us-west-2\n"
        "    endpoint local-aws.internal\n"
        "    tls On\n"
        "    tls.ca_file /copilot-local/aws/ca.pem\n"
    )
    difference = configuration.differences[-1]
    assert "Fluent Bit's own cloudwatch_logs takes its place, without new_log_group_tags" in difference.reason


def test_fluent_bits_own_plugin_sends_to_the_same_places_of_aws_and_says_what_it_lacks(
    make_task: MakeTask, fargate_task: TaskIdentity
) -> None:
    options = {
        "Name": "cloudwatch",
        "region": "us-west-2",
        "endpoint": "https://vpce-1.logs.us-west-2.vpce.amazonaws.com",
        "log_group_name": "/copilot/$(ecs_cluster)",
        "log_stream_name": "web/$(ecs_task_id)",
        "default_log_group_name": "others",
        "new_log_group_tags": "a=b",
    }
    configuration = local(make_task(options=options), fargate_task, {"*": "live"})
    assert configuration.text.endswith(
        "\n[OUTPUT]\n"
        "    Name cloudwatch_logs\n"
        "    Match web-firelens*\n"
        "    endpoint https://vpce-1.logs.us-west-2.vpce.amazonaws.com\n"
        "    log_group_name /copilot/mycluster\n"
        "    log_stream_name web/0123456789abcdef0123456789abcdef\n"
        "    region us-west-2\n"
    )
    reason = configuration.differences[-1].reason
    assert "cloudwatch_logs takes its place, without default_log_group_name, new_log_group_tags" in reason
    [output] = configuration.outputs
    assert output.target == "cloudwatch, region us-west-2, log_group_name /copilot/mycluster, endpoint " + (
        "https://vpce-1.logs.us-west-2.vpce.amazonaws.com"
    )


@pytest.mark.parametrize("plugin", ["cloudwatch", "cloudwatch_logs", "kinesis_firehose", "kinesis", "s3"])
@pytest.mark.parametrize(
    "go_plugins", [frozenset[str](), frozenset({"cloudwatch", "kinesis"})], ids=["none", "shipped"]
)
def test_no_role_is_assumed_at_the_local_endpoint(
    make_task: MakeTask, fargate_task: TaskIdentity, plugin: str, go_plugins: frozenset[str]
) -> None:
    """Keys of a role come from STS, which the router's network does not lead to."""
    role = {"Role_ARN": "arn:aws:iam::111122223333:role/logs", "external_id": "x", "sts_endpoint": "sts.example.com"}
    task = make_task(options={"Name": plugin, "region": "us-west-2", **role})
    configuration = local(task, fargate_task, {"*": "local-aws"}, go_plugins)
    assert not [option for option in role if option in configuration.text]
    assert "it assumes no role: without Role_ARN, external_id, sts_endpoint" in configuration.differences[-1].reason
    assert "Role_ARN arn:aws:iam" in local(task, fargate_task, {"*": "live"}, go_plugins).text


def test_a_router_image_with_the_go_plugin_uses_it(
    make_task: MakeTask, fargate_task: TaskIdentity, cloudwatch: dict[str, str]
) -> None:
    text = local(make_task(options=cloudwatch), fargate_task, {"*": "local-aws"}, frozenset({"cloudwatch"})).text
    assert "    Name cloudwatch\n" in text
    assert "    endpoint https://local-aws.internal\n" in text


@pytest.mark.parametrize("policy", ["local-aws", "live"])
def test_a_name_made_from_each_record_is_refused(
    make_task: MakeTask, fargate_task: TaskIdentity, cloudwatch: dict[str, str], policy: str
) -> None:
    task = make_task(options={**cloudwatch, "log_group_name": "$(tenant)"})
    with pytest.raises(Unsupported, match=r"log_group_name \$\(tenant\) is made from each record"):
        local(task, fargate_task, {"*": policy})


@pytest.mark.parametrize("policy", ["local-aws", "live"])
def test_it_is_not_where_the_image_may_have_the_plugin(
    make_task: MakeTask, fargate_task: TaskIdentity, cloudwatch: dict[str, str], policy: str
) -> None:
    task = make_task(options={**cloudwatch, "log_group_name": "$(tenant)"})
    for go_plugins in (None, frozenset({"cloudwatch"})):
        assert "log_group_name $(tenant)\n" in local(task, fargate_task, {"*": policy}, go_plugins).text


def test_outputs_of_the_users_file_have_policies_too(
    make_task: MakeTask, fargate_task: TaskIdentity, cloudwatch: dict[str, str]
) -> None:
    task = make_task(options=cloudwatch, firelens=FILE)
    configuration = local(task, fargate_task, {"s3": "local-aws"})
    assert outputs(configuration) == {"output-1": ("s3", "local-aws"), "web": ("cloudwatch", "capture")}
    text = configuration.files["/copilot-local/config/extra.conf"]
    assert "    Name s3\n    Match web*\n    bucket logs\n    region eu-west-1\n    endpoint local-aws.internal" in text


def test_a_policy_for_something_that_is_not_there_is_found(
    make_task: MakeTask, fargate_task: TaskIdentity, cloudwatch: dict[str, str]
) -> None:
    found = local(make_task(options=cloudwatch), fargate_task, {}).outputs
    chosen: Mapping[str, LogPolicy] = {"*": "live", "wbe": "live", "web": "live", "WEB": "live", "CloudWatch": "live"}
    assert Destinations(chosen).unknown_names(found) == ["wbe", "WEB"]


@pytest.mark.parametrize("written", ["cloudwatch_logs", "Cloudwatch_Logs", "CLOUDWATCH_LOGS"])
@pytest.mark.parametrize("chosen", ["*", "cloudwatch_logs", "CloudWatch_Logs"])
def test_the_name_of_a_plugin_knows_no_case(
    make_task: MakeTask, fargate_task: TaskIdentity, written: str, chosen: str
) -> None:
    """As Fluent Bit compares it."""
    options = {"Name": written, "region": "us-west-2", "log_group_name": "g", "log_stream_prefix": "a/"}
    configuration = local(make_task(options=options), fargate_task, {chosen: "local-aws"})
    assert outputs(configuration) == {"web": ("cloudwatch_logs", "local-aws")}
    assert f"    Name {written}\n" in configuration.text
    assert "    endpoint local-aws.internal\n" in configuration.text


def test_so_does_that_of_a_plugin_in_go(
    make_task: MakeTask, fargate_task: TaskIdentity, cloudwatch: dict[str, str]
) -> None:
    task = make_task(options={**cloudwatch, "Name": "CloudWatch"})
    for policy in ("live", "local-aws"):
        assert "    Name cloudwatch_logs\n" in local(task, fargate_task, {"*": policy}).text
        assert "    Name CloudWatch\n" in local(task, fargate_task, {"*": policy}, frozenset({"cloudwatch"})).text
