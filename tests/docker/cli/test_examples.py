"""The two examples, end to end, as their READMEs say."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.docker.cli.conftest import Shell

pytestmark = pytest.mark.docker

Example = Callable[[str], "Shell"]
NOTHING: dict[str, list[str]] = {"containers": [], "networks": [], "volumes": []}


def test_requests_reach_the_main_container_through_the_sidecar(example: Example) -> None:
    shell = example("nginx-sidecar")
    up = shell.up("-d", "--wait")
    assert up.code == 0, up.err
    assert up.out == ""
    assert f"running at {shell.url}" in up.err

    answer = shell.get("/api/orders?x=1")
    assert answer.status_code == 200
    assert "hello from the main container\n\nGET /api/orders?x=1\n" in answer.text
    assert "X-Proxy: nginx\n" in answer.text
    assert "X-Forwarded-For: " in answer.text
    assert shell.get("/elsewhere").status_code == 503

    status = json.loads(shell.run("ps", "--format", "json").out)
    assert status["url"] == shell.url
    assert {row["name"]: row["state"] for row in status["containers"]} == dict.fromkeys(
        ("hello", "nginx", "pause", "agent", "front"), "running"
    )
    assert [target["state"] for target in status["targets"]] == ["healthy"]
    table = shell.run("ps").out
    assert table.splitlines()[0].split() == [
        "SERVICE",
        "TASK",
        "CONTAINER",
        "IMAGE",
        "STATUS",
        "PORTS",
        "TARGET",
        "URL",
    ]
    assert shell.url in table

    assert "hello/hello | GET /api/orders?x=1\n" in shell.run("logs").out
    lines = [json.loads(line) for line in shell.run("logs", "--format", "json", "--tail", "1").out.splitlines()]
    assert {line["subject"] for line in lines} == {"hello/hello", "hello/nginx"}

    again = shell.up("-d", "--wait")
    assert again.code == 0, again.err
    assert shell.get("/api/x").status_code == 200

    down = shell.run("down")
    assert down.code == 0, down.err
    left = shell.left()
    assert (left["containers"], left["networks"]) == ([], [])


def test_what_the_main_container_prints_arrives_as_records(example: Example) -> None:
    shell = example("firelens-cloudwatch")
    up = shell.up("-d", "--wait")
    assert up.code == 0, up.err
    assert shell.get("/hello").status_code == 200
    shell.until("the request is in the records", lambda: any("GET /hello" in r["log"] for r in shell.routed()))
    records = shell.routed()
    assert records[0]["log"] == "listening on port 3000"
    assert not any("ELB-HealthChecker" in record["log"] for record in records)
    for record in records:
        assert record["ecs_cluster"] == f"{shell.app}-test"
        assert record["ecs_task_definition"] == f"{shell.app}-test-hello:1"
        assert record["ecs_task_arn"].startswith(f"arn:aws:ecs:us-east-1:000000000000:task/{shell.app}-test/")
        assert (record["container_name"], record["source"]) == ("hello", "stdout")


def test_ctrl_c_stops_in_order_and_leaves_nothing(example: Example) -> None:
    shell = example("nginx-sidecar")
    process = shell.start("up", "--port", str(shell.port))
    shell.until("the service answers", lambda: shell.answers("/api/x"))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "hello" in out
    assert "| listening on port 3000\n" in out
    assert "Traceback" not in err
    left = shell.left()
    assert (left["containers"], left["networks"]) == ([], [])


def test_down_cleans_up_after_a_killed_command(example: Example) -> None:
    shell = example("nginx-sidecar")
    process = shell.start("up", "--port", str(shell.port))
    shell.until("the service answers", lambda: shell.answers("/api/x"))
    process.kill()
    process.communicate()
    shell.running.clear()
    assert shell.run("down", "-v").code == 0
    assert shell.left() == NOTHING
