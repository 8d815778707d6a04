"""`render express`: the stack, and the whole list of what it cannot say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unit.render.golden import read_template

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Run

WEB = "name: web\ntype: Load Balanced Web Service\nimage: {build: hello/Dockerfile, port: 80}\nhttp: {path: /}\n"


def test_the_stack_is_printed(run: Run, workspace: Path, add_service: Callable[[str, str], Path]) -> None:
    add_service("web", WEB)
    ended = run(
        "render", "express", "web", "--tag", "v1", "--account", "123456789012", "--region", "eu-west-1",
        "--parameter", "ClusterName=main",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    template = read_template(ended.out)
    assert template["Resources"]["Service"]["Type"] == "AWS::ECS::ExpressGatewayService"  # type: ignore[index]
    image = template["Parameters"]["ContainerImage"]["Default"]  # type: ignore[index]
    assert image == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web:v1"
    assert "web: container web is named Main" in ended.err


def test_files_are_written(run: Run, workspace: Path, add_service: Callable[[str, str], Path]) -> None:
    add_service("web", WEB)
    assert run("render", "express", "web", "--in-copilot-environment", "-o", "out").code == 0
    assert [file.name for file in (workspace / "out").iterdir()] == ["web-test.express.stack.yml"]


def test_everything_that_cannot_be_said_is_listed_and_nothing_is_written(
    run: Run, workspace: Path, add_service: Callable[[str, str], Path]
) -> None:
    add_service("web", WEB.replace("{path: /}", "{path: api, stickiness: true}") + "nlb: {port: 81/tcp}\n")
    ended = run("render", "express", "web", "hello", "-o", "out")
    assert ended.code == 1
    for what in ("manifest.yml:4:", "a rule by path", "stickiness", "manifest.yml:5:1: ", "a network load balancer"):
        assert what in ended.err
    assert not (workspace / "out").exists()


def test_an_unknown_parameter_is_a_usage_error(
    run: Run, workspace: Path, add_service: Callable[[str, str], Path]
) -> None:
    add_service("web", WEB)
    ended = run("render", "express", "web", "--parameter", "Nothing=1")
    assert ended.code == 2
    assert "the stack of web has no parameter Nothing" in ended.err
