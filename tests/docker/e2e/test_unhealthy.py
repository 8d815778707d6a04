"""Tasks that do not become healthy: each says why, and is given up where waiting mends nothing; and one that does."""

from __future__ import annotations

import re

import pytest

from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

MANIFEST = "copilot/hello/manifest.yml"
SOON = """
environments:
  test:
    http:
      targetContainer: hello
      healthcheck: {path: '%s', interval: 5s, timeout: 2s, unhealthy_threshold: 2, grace_period: 2s}
"""


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    return make_project("nginx-sidecar")


def fails(project: Project, *arguments: str) -> str:
    """What `up --wait` says, after which nothing is left."""
    result = project.run("up", "-d", "--wait", "--port", str(project.port), *arguments)
    assert result.code == 1, result.out + result.err
    assert project.everything() == []
    return result.err


def test_a_wrong_port_is_named_with_the_right_one(project: Project) -> None:
    project.append(MANIFEST, SOON % "/api/health-check")
    project.edit(MANIFEST, "  port: 3000", "  port: 3001")
    said = fails(project)
    assert re.search(r"error: given up after \d+ s: hello \w{8}: hello listens on 3000, not 3001", said)
    assert "hello printed last:\n    listening on port 3000" in said
    assert "hint: write `image.port: 3000` in the manifest" in said


def test_a_path_that_is_not_there_is_named_with_its_answer(project: Project) -> None:
    project.append(MANIFEST, SOON % "/nowhere")
    said = fails(project)
    assert re.search(r"error: given up after \d+ s: hello \w{8}: GET /nowhere answered 404", said)
    assert "/nowhere" in said.partition("printed last:")[2]


def test_a_failing_check_says_what_it_printed(project: Project) -> None:
    check = '["CMD-SHELL", "echo checking; echo no such thing as db >&2; exit 3"]'
    project.edit(
        MANIFEST,
        "  port: 3000",
        f"  port: 3000\n  healthcheck: {{command: {check}, interval: 5s, timeout: 60s, retries: 2}}",
    )
    project.append(MANIFEST, SOON % "/api/health-check")
    said = fails(project)
    assert re.search(r"given up after \d+ s: hello \w{8}: the health check of hello failed with 3: ", said)
    assert "the health check of hello printed:" in said
    assert "no such thing as db" in said


def test_a_check_with_a_long_interval_is_healthy_at_once(project: Project) -> None:
    """Docker's own first check would come after five minutes, longer than `up` waits."""
    check = '["CMD-SHELL", "test -e /tmp/ready || { touch /tmp/ready; exit 1; }"]'
    project.edit(MANIFEST, "  port: 3000", f"  port: 3000\n  healthcheck: {{command: {check}, interval: 300s}}")
    project.append(MANIFEST, "    depends_on: {hello: healthy}\n")  # nginx starts once it is
    project.up()
    [row] = [one for one in project.ps()["containers"] if one["name"] == "hello"]
    assert row["health"] == "healthy"
    said = project.run("restart").ok().err
    assert "is steady" in said
