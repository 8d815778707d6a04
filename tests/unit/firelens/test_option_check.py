"""Text that would become other lines of the router's file than its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import InputError
from emulator.firelens.ecs_config import ecs_router_configuration
from emulator.firelens.option_check import BadOption

MakeTask = Callable[..., TaskDefinition]
OUTPUT = "\n[OUTPUT]\n    Name http\n    Match *"


@pytest.mark.parametrize("type", ["fluentbit", "fluentd"])
@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"Host": f"x{OUTPUT}"}, "Host"),
        ({"Host": "x\r"}, "Host"),
        ({"Host": "x\x1b[2J"}, "Host"),
        ({"Host": "x\u2028y"}, "Host"),
        ({f"Host x{OUTPUT}": "y"}, f"Host x{OUTPUT}"),
        ({"Name": f"null{OUTPUT}"}, "Name"),
        ({"include-pattern": f"a{OUTPUT}"}, "include-pattern"),
        ({"exclude-pattern": f"a{OUTPUT}"}, "exclude-pattern"),
        ({"log-driver-buffer-limit": "1\n"}, "log-driver-buffer-limit"),
    ],
)
def test_a_control_character_is_refused(
    make_task: MakeTask, fargate_task: TaskIdentity, options: dict[str, str], option: str, type: str
) -> None:
    name = {"Name": "null", "@type": "null"}
    with pytest.raises(BadOption, match="of container web holds a control character") as caught:
        ecs_router_configuration(make_task(options={**name, **options}, type=type), fargate_task)
    assert (caught.value.stream, caught.value.option) == ("web", option)
    assert caught.value.hint


def test_so_are_those_of_secret_options_and_of_the_path(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    secret = make_task(options={"Name": "null"}, secrets={f"key{OUTPUT}": "arn"})
    path = make_task(firelens={"config-file-type": "file", "config-file-value": f"/x.conf{OUTPUT}"})
    for task in (secret, path):
        with pytest.raises(InputError, match="control character"):
            ecs_router_configuration(task, fargate_task)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"Host": ""}, "Host of container web is empty"), ({"": "x"}, "no name"), ({" Host": "x"}, "no name")],
)
def test_an_option_that_ends_fluent_bit_is_refused(
    make_task: MakeTask, fargate_task: TaskIdentity, options: dict[str, str], message: str
) -> None:
    with pytest.raises(BadOption, match=message):
        ecs_router_configuration(make_task(options={"Name": "http", **options}), fargate_task)


def test_a_tab_within_a_value_is_no_line_end(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    assert "Host a\tb" in ecs_router_configuration(make_task(options={"Name": "http", "Host": "a\tb"}), fargate_task)
