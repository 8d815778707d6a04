"""examples/nginx-sidecar: the load balancer, nginx and the main container as one service."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.docker.project import DEADLINE, ROOT, docker, wait_until
from tests.docker.rendered import up_made_what_is_rendered

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

MANIFEST = "copilot/hello/manifest.yml"


@pytest.fixture(scope="module")
def hello(make_shared_project: MakeProject) -> Project:
    """The example, up and healthy."""
    project = make_shared_project("nginx-sidecar")
    result = project.up()
    assert result.out == ""
    assert f"running at http://127.0.0.1:{project.port}" in result.err
    return project


class TestRequests:
    def test_are_answered_by_the_main_container_through_nginx(self, hello: Project) -> None:
        response = hello.get("/api/some/thing?x=1")
        assert response.status_code == 200
        body = response.text
        assert "hello from the main container" in body
        assert "GET /api/some/thing?x=1" in body
        assert "X-Proxy: nginx" in body
        assert "x-forwarded-for:" in body.lower()

    def test_are_in_the_log_of_both_containers(self, hello: Project) -> None:
        def printed() -> list[str]:
            return [line for line in hello.run("logs").ok().out.splitlines() if "/api/in-both-logs" in line]

        hello.get("/api/in-both-logs")
        wait_until(lambda: len(printed()) == 2, "nginx writes its line after the answer")
        lines = printed()
        assert sorted(line.split()[0] for line in lines) == ["hello/hello", "hello/nginx"]
        assert "hello/hello | GET /api/in-both-logs" in lines
        last = hello.run("logs", "--format", "json", "--tail", "1").ok().out.splitlines()
        assert {json.loads(line)["subject"] for line in last} == {"hello/hello", "hello/nginx"}

    @pytest.mark.parametrize("path", ["/", "/elsewhere", "/apis"])
    def test_outside_of_the_rule_get_503(self, hello: Project, path: str) -> None:
        assert hello.get(path).status_code == 503

    def test_of_the_load_balancers_health_check_reach_nginx(self, hello: Project) -> None:
        def checks() -> list[str]:
            return [line for line in hello.run("logs").ok().out.splitlines() if "ELB-HealthChecker/2.0" in line]

        # A check that was given up on a busy machine is in the log too, with 499.
        wait_until(lambda: any(" 200 " in line for line in checks()), "a health check that passed")
        assert all(line.startswith("hello/nginx") and "GET /api/health-check " in line for line in checks())


def test_the_private_image_is_replaced_with_the_manifest_untouched(hello: Project) -> None:
    example = ROOT / "examples" / "nginx-sidecar" / MANIFEST
    manifest = (hello.folder / MANIFEST).read_bytes()
    assert manifest == example.read_bytes()
    assert b"1234567890.dkr.ecr.us-west-2.amazonaws.com/reverse-proxy:revision_1" in manifest
    configuration = docker("exec", hello.container("nginx"), "cat", "/etc/nginx/conf.d/default.conf")
    assert configuration == (hello.folder / "nginx" / "default.conf").read_text()


def test_ps_shows_containers_targets_and_address(hello: Project) -> None:
    printed = hello.run("ps").ok().out
    assert f"http://127.0.0.1:{hello.port}" in printed
    header, *lines = [line.split() for line in printed.splitlines()]
    assert header == ["SERVICE", "TASK", "CONTAINER", "IMAGE", "STATUS", "PORTS", "TARGET", "URL"]
    for name in ("hello", "nginx", "agent", "front"):
        assert any(name in line and "Up" in line for line in lines)
    [nginx] = [line for line in lines if line[:1] == ["hello"] and line[2] == "nginx"]
    assert nginx[-3:-1] == ["80/tcp", "healthy"]
    assert nginx[-1].startswith(f"http://127.0.0.1:{hello.port}/")
    status = hello.ps()
    assert status["url"] == f"http://127.0.0.1:{hello.port}"
    assert {row["name"]: row["state"] for row in status["containers"]} == dict.fromkeys(
        ("hello", "nginx", "pause", "agent", "front"), "running"
    )
    assert [target["state"] for target in status["targets"]] == ["healthy"]


def test_ps_quiet_prints_the_ids_of_the_services_containers(hello: Project) -> None:
    ids = hello.run("ps", "-q").ok().out.split()
    named = docker("inspect", "--format", '{{index .Config.Labels "copilot-local.container"}}', *ids).split()
    assert sorted(named) == ["hello", "nginx"]


def test_up_makes_what_is_rendered(hello: Project) -> None:
    up_made_what_is_rendered(hello)


def test_a_task_that_died_answers_503_until_it_is_replaced_and_ps_all_says_why_it_stopped(hello: Project) -> None:
    # The agent may have stopped the second one by then.
    docker("kill", *(hello.container(name) for name in ("hello", "nginx")), check=False)
    statuses = {502}
    until = time.monotonic() + DEADLINE
    while 200 not in statuses and time.monotonic() < until:
        statuses.add(hello.get("/api/x").status_code)
    # 502 as long as the load balancer has not heard of the death, as in AWS.
    assert statuses == {502, 503, 200}

    def told() -> bool:
        printed = hello.run("ps", "--all").ok().out
        return "hello 137" in printed and "Essential container in task exited" in printed

    wait_until(told, lambda: hello.run("ps", "--all").out)
    wait_until(lambda: hello.targets() == ["healthy"], "a healthy target")
