"""A request to a service whose port is not the one that its container listens on."""

from __future__ import annotations

import pytest

from tests.docker.project import MakeProject, Project, wait_until

pytestmark = pytest.mark.docker

MANIFEST = "copilot/hello/manifest.yml"
HELLO = """
name: hello
type: Load Balanced Web Service
image: {location: busybox:1.37, port: 3001}
command: "sh -c 'trap exit TERM; httpd -f -p 3000 & wait'"
http:
  path: api
  healthcheck: {path: /, interval: 300s, timeout: 2s, unhealthy_threshold: 2}
"""


def test_the_container_s_own_port_is_named_before_and_after_the_verdict(make_project: MakeProject) -> None:
    """Before, the load balancer asks no container; after, it asks the only one there is, which refuses."""
    project = make_project("")
    project.write(MANIFEST, HELLO)
    project.run("up", "-d", "--port", str(project.port)).ok()
    own_port_is_named(project, "initial")
    project.edit(MANIFEST, "interval: 300s", "interval: 5s")
    project.run("up", "-d", "--port", str(project.port)).ok()
    own_port_is_named(project, "unhealthy")


def own_port_is_named(project: Project, state: str) -> None:
    wait_until(lambda: project.targets() == [state], lambda: f"{state}: {project.ps()['targets']}")
    result = project.run("trace", "/api/x")
    assert result.code == 1, result.err
    assert result.out, result.err
    said = " ".join(result.out.split())
    assert "hello listens on 3000, not 3001 hint: write `image.port: 3000` in the manifest" in said
