from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import InputError, Unsupported
from emulator.firelens.destinations import Destinations
from emulator.firelens.ecs_config import ecs_router_configuration
from emulator.firelens.local import LocalRouterConfiguration, local_router_configuration

MakeTask = Callable[..., TaskDefinition]
Golden = Callable[[str], str]
TASK = "0123456789abcdef0123456789abcdef"
FILE = {"config-file-type": "file", "config-file-value": "/extra.conf"}
USER_FILE = """\
# Ours
[SERVICE]
    Parsers_File /fluent-bit/parsers/parsers.conf
    Flush 2

[FILTER]
    Name parser
    Match *
    Key_Name log
    Parser json

[OUTPUT]
    Name http
    Match web*
    Host logs.example.com
    # kept out as well

[OUTPUT]
    name null
    match noise*
"""


def reader(files: dict[str, str]) -> Callable[[str], str | None]:
    return files.get


def local(task: TaskDefinition, identity: TaskIdentity, files: dict[str, str]) -> LocalRouterConfiguration:
    return local_router_configuration(task, identity, service="hello", read=reader(files), check=False)


def test_file_in_use_here(make_task: MakeTask, fargate_task: TaskIdentity, golden: Golden) -> None:
    configuration = local_router_configuration(make_task(), fargate_task, service="hello")
    assert configuration.text == golden("local.conf")
    assert configuration.path == "/fluent-bit/etc/fluent-bit.conf"


def test_differences_turn_ecss_file_into_the_one_in_use(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    ecs = ecs_router_configuration(make_task(), fargate_task).splitlines()
    configuration = local_router_configuration(make_task(), fargate_task, service="hello")
    for difference in configuration.differences:
        assert difference.reason
        for line in difference.ecs:
            ecs.remove(line)
        ecs += difference.local
    assert sorted(line for line in ecs if line) == sorted(line for line in configuration.text.splitlines() if line)


def test_fidelity_ecs_changes_the_outputs_and_asks_which_there_are(
    make_task: MakeTask, fargate_task: TaskIdentity
) -> None:
    task = make_task(router={"memory": 64})
    configuration = local_router_configuration(task, fargate_task, service="hello", fidelity="ecs", check=False)
    ecs = ecs_router_configuration(task, fargate_task)
    server = "\n[SERVICE]\n    http_listen 127.0.0.1\n    http_port 24220\n    http_server On\n"
    same, output = configuration.text.removeprefix(server).rsplit("\n[OUTPUT]\n", 1)
    assert ecs.startswith(same)
    assert "Mem_Buf_Limit 32MB" in same
    assert (
        output == f"    Name file\n    Match web-firelens*\n    File hello.{TASK}.web\n    Path /copilot-local/logs\n"
    )
    asked, difference = configuration.differences
    assert asked.local[0] == "[SERVICE]"
    assert "    Name cloudwatch" in difference.ecs
    live = Destinations({"*": "live"}, frozenset({"cloudwatch"}))
    unchanged = local_router_configuration(task, fargate_task, service="hello", fidelity="ecs", destinations=live)
    assert unchanged.text == ecs


def test_options_of_a_captured_output_are_checked_where_no_record_reaches_them(
    make_task: MakeTask, fargate_task: TaskIdentity
) -> None:
    task = make_task(options={"Name": "datadog", "Host": "logs"}, secrets={"apikey": "key"})
    assert local_router_configuration(task, fargate_task, service="hello").text.endswith(
        "\n[OUTPUT]\n    Name datadog\n    Match copilot-local.none\n    Host logs\n    apikey ${apikey_0}\n"
    )
    without = local_router_configuration(task, fargate_task, service="hello", check=False).text
    assert without.endswith("    Path /copilot-local/logs\n")


@pytest.mark.parametrize(("written", "checked"), [("Datadog", "Datadog"), ("CloudWatch", "cloudwatch_logs")])
def test_they_are_however_the_plugin_is_written(
    make_task: MakeTask, fargate_task: TaskIdentity, written: str, checked: str
) -> None:
    task = make_task(options={"Name": written, "log_key": "log"})
    text = local_router_configuration(task, fargate_task, service="hello").text
    assert text.endswith(f"\n[OUTPUT]\n    Name {checked}\n    Match copilot-local.none\n    log_key log\n")


def test_a_plugin_that_may_talk_before_a_record_comes_is_not_started_to_be_checked(
    make_task: MakeTask, fargate_task: TaskIdentity
) -> None:
    task = make_task(options={"Name": "stackdriver", "resource": "global"})
    assert "stackdriver" not in local_router_configuration(task, fargate_task, service="hello").text


def test_an_output_that_drops_records_goes_on_dropping_them(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    text = local_router_configuration(make_task(options={"Name": "null"}), fargate_task, service="hello").text
    assert "Name file" not in text
    assert text.count("Name null") == 2


def test_outputs_of_the_users_file_are_captured(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    configuration = local(make_task(firelens=FILE), fargate_task, {"/extra.conf": USER_FILE})
    assert "@INCLUDE /copilot-local/config/extra.conf\n" in configuration.text
    assert configuration.files == {
        "/copilot-local/config/extra.conf": f"""\
# Ours

[FILTER]
    Name parser
    Match *
    Key_Name log
    Parser json

[OUTPUT]
    Name file
    Match web*
    File hello.{TASK}.output-1
    Path /copilot-local/logs
    # kept out as well

[OUTPUT]
    name null
    match noise*
"""
    }
    assert any("    Host logs.example.com" in difference.ecs for difference in configuration.differences)


def test_the_users_service_section_is_merged_because_only_one_is_read(
    make_task: MakeTask, fargate_task: TaskIdentity
) -> None:
    configuration = local(make_task(firelens=FILE), fargate_task, {"/extra.conf": USER_FILE})
    assert configuration.text.startswith(
        "\n[SERVICE]\n"
        "    http_listen 127.0.0.1\n"
        "    http_port 24220\n"
        "    http_server On\n"
        "    storage.path /var/run/copilot-local-buffer\n"
        "    Parsers_File /fluent-bit/parsers/parsers.conf\n"
        "    Flush 2\n\n"
    )
    as_ecs = local_router_configuration(
        make_task(firelens=FILE), fargate_task, service="hello", fidelity="ecs", read=reader({"/extra.conf": USER_FILE})
    )
    assert as_ecs.text.startswith(
        "\n[SERVICE]\n"
        "    http_listen 127.0.0.1\n"
        "    http_port 24220\n"
        "    http_server On\n"
        "    Parsers_File /fluent-bit/parsers/parsers.conf\n"
        "    Flush 2\n\n"
    )


def test_the_users_http_server_keeps_its_port_and_cannot_be_off(
    make_task: MakeTask, fargate_task: TaskIdentity
) -> None:
    service = "[SERVICE]\n  HTTP_Server Off\n  HTTP_PORT 2020\n"
    configuration = local(make_task(firelens=FILE), fargate_task, {"/extra.conf": service})
    assert configuration.metrics_port == 2020
    assert "    http_server On\n" in configuration.text
    assert "Off" not in configuration.text


def test_files_that_the_users_file_includes_are_followed(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    files = {
        "/extra.conf": "@INCLUDE /more/outputs.conf\n",
        "/more/outputs.conf": "[OUTPUT]\n    Name s3\n    Match *\n    bucket logs\n",
    }
    configuration = local(make_task(firelens=FILE), fargate_task, files)
    assert configuration.files["/copilot-local/config/extra.conf"] == (
        "@INCLUDE /copilot-local/config/more/outputs.conf\n"
    )
    assert "bucket" not in configuration.files["/copilot-local/config/more/outputs.conf"]


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        ({}, InputError, "the log router's image has no file /extra.conf"),
        ({"/extra.conf": "@INCLUDE more.conf\n"}, InputError, "no file /more.conf nor /fluent-bit/etc/more.conf"),
        ({"/extra.conf": "@INCLUDE /conf.d/*.conf\n"}, Unsupported, "/conf.d/\\*.conf, a pattern"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    make_task: MakeTask, fargate_task: TaskIdentity, files: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        local(make_task(firelens=FILE), fargate_task, files)


def test_what_does_not_run_here_is_refused(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    fluentd = make_task(type="fluentd", options={"@type": "stdout"})
    s3 = make_task(firelens={"config-file-type": "s3", "config-file-value": "arn:aws:s3:::bucket/key"})
    for task in (fluentd, s3):
        with pytest.raises(Unsupported) as error:
            local_router_configuration(task, fargate_task, service="hello")
        assert error.value.hint
