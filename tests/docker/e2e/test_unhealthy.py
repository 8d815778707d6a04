"""Tasks that do not become healthy: each says why, and is given up where waiting mends nothing; and one that does."""

from __future__ import annotations

import re

import pytest

from tests.docker.e2e import small
from tests.docker.faults.services import backend
from tests.docker.project import Project

pytestmark = pytest.mark.docker

HEALTHY = "  healthcheck: /api/health-check\n"
SOON = "  healthcheck: {path: %s, interval: 5s, timeout: 2s, unhealthy_threshold: 2, grace_period: 2s}\n"
PORT = "  port: 3000\n"
WAITS = """
sidecars:
  side:
    image: busybox:1.37
    command: ["sh", "-c", "trap exit TERM; sleep 3600 & wait"]
    depends_on: {hello: healthy}
"""


@pytest.fixture
def web(empty: Project) -> Project:
    return small.web(empty)


def fails(project: Project) -> str:
    """What `up --wait` says, after which nothing is left."""
    result = project.run("up", "-d", "--wait", "--port", str(project.port))
    assert result.code == 1, result.out + result.err
    assert project.everything() == []
    return result.err


def test_a_wrong_port_is_named_with_the_right_one(web: Project) -> None:
    web.edit(small.MANIFEST, HEALTHY, SOON % "/api/health-check")
    web.edit(small.MANIFEST, PORT, "  port: 3001\n")
    said = fails(web)
    assert re.search(r"error: given up after \d+ s: hello \w{8}: hello listens on 3000, not 3001", said)
    assert "hello printed last:\n    listening on port 3000" in said
    assert "hint: write `image.port: 3000` in the manifest" in said


def test_a_path_that_is_not_there_is_named_with_its_answer(web: Project) -> None:
    web.edit(small.MANIFEST, HEALTHY, SOON % "/nowhere")
    said = fails(web)
    assert re.search(r"error: given up after \d+ s: hello \w{8}: GET /nowhere answered 404", said)
    assert "/nowhere" in said.partition("printed last:")[2]


def test_a_failing_check_says_what_it_printed(web: Project) -> None:
    check = '["CMD-SHELL", "echo checking; echo no such thing as db >&2; exit 3"]'
    web.write("copilot-local.toml", "[time]\necs_limits = false\n")
    web.edit(
        small.MANIFEST, PORT, f"{PORT}  healthcheck: {{command: {check}, interval: 1s, timeout: 60s, retries: 2}}\n"
    )
    web.edit(small.MANIFEST, HEALTHY, SOON % "/api/health-check")
    said = fails(web)
    assert re.search(r"given up after \d+ s: hello \w{8}: the health check of hello failed with 3: ", said)
    assert "the health check of hello printed:" in said
    assert "no such thing as db" in said


def test_a_check_with_a_long_interval_is_healthy_at_once(empty: Project) -> None:
    """Docker's own first check would come after five minutes, longer than `up` waits."""
    check = '["CMD-SHELL", "test -e /tmp/ready || { touch /tmp/ready; exit 1; }"]'
    project = backend(empty, more=WAITS)  # the sidecar starts once it is
    image = "  location: busybox:1.37\n"
    project.edit(small.MANIFEST, image, f"{image}  healthcheck: {{command: {check}, interval: 300s}}\n")
    project.up()
    [row] = [one for one in project.ps()["containers"] if one["name"] == "hello"]
    assert row["health"] == "healthy"
    said = project.run("restart").ok().err
    assert "is steady" in said
